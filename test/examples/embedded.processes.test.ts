/** The example of a web app with a node in each of its instances, as a reader runs it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/processes.ts';
import { withExample } from './running.ts';

const LIMIT_MS = 30_000;

const example = suite('the example of embedded nodes');

example('four instances count the visits together, and end at a signal', async () => {
  const [webPort, peerPort] = [await freePorts(4), await freePorts(4)];
  await withExample('embedded.ts', [webPort, peerPort], async ({ output, stop }) => {
    await waitFor(() => / answer\. /.test(output()), LIMIT_MS, 'all instances');
    const visit = async (instance: number): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${webPort + instance}/somebody`);
      return Number.parseInt(await answer.text(), 10);
    };
    await Promise.all([0, 1, 2, 3, 0, 1, 2, 3].map(visit));
    let visits = 8;
    await waitFor(
      async () => (await visit(0)) === ++visits,
      LIMIT_MS,
      'one instance knows the visits of all',
    );
    await waitFor(() => /instance 4: visits\/somebody#0 /.test(output()), LIMIT_MS, 'the watch');
    assert.is(await stop(), 0);
  });
});

example.run();
