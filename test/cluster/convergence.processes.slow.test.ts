// time limit: 180 s
/** A real node that is killed amid many writes ends up with the map of the others. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { seeded } from '../../src/words/random.ts';
import { startCluster } from '../support/nodes.ts';
import { sameMapWithin } from './observe.ts';
import { Writer } from './writes.ts';

const convergence = suite('convergence after a kill');

convergence(
  'a node killed amid 10,000 writes to the others has their map within 5 s of its restart',
  async () => {
    await using cluster = await startCluster();
    const [first, second, third] = [cluster.node(0), cluster.node(1), cluster.node(2)];
    const writers = [first, second].map((node, index) => new Writer(node, seeded(index), 1000));
    const batches = 100;
    const writing = writers.map(async (writer) => {
      for (let done = 0; done < batches; done++) {
        await writer.write(50);
        if (done === batches / 4 && writer === writers[0]) await third.kill('SIGKILL');
      }
    });
    await Promise.all(writing);
    assert.not.ok(third.isRunning);
    await third.start('answers');
    const shown = await sameMapWithin(5000, cluster.nodes);
    const expected = new Map(writers.flatMap(({ known }) => [...known]));
    assert.equal(sorted(shown), sorted(expected));
  },
);

convergence.run();

const sorted = (map: ReadonlyMap<string, string>): [string, string][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));
