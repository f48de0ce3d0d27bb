/** The most members of a cluster of real nodes: one more waits until there is room. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TOKEN } from '../support/handWrittenPeer.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import { metric, waitForLog } from './observe.ts';
import { startScripted } from './scripted.ts';

const admission = suite('the most members of a cluster');

const LIMIT_MS = 20_000;

admission('one more than max-members waits, and joins once a member is retired', async () => {
  await using cluster = await startScripted({
    later: [2],
    environment: { MAX_MEMBERS: '2', JOIN_TIMEOUT: patientDuration(20_000) },
  });
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  assert.is((await first.put('key', { value: 1, version: 1 })).status, 200);
  await third.start('answers', { NODES: `${first.url},${second.url}` });
  const postponed = async (): Promise<boolean> =>
    (await metric(first, 'hearsay_joins_postponed_total')) +
      (await metric(second, 'hearsay_joins_postponed_total')) >
    2;
  await waitFor(postponed, LIMIT_MS, 'the third node is told to wait');
  assert.is((await third.get('key')).status, 503);
  assert.is(await metric(first, 'hearsay_members'), 2);
  await second.stop();
  await waitForLog(first, /2 members, and --max-members allows no more/, LIMIT_MS);
  const retired = await first.request('/_cluster/retire', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Internal-Token': TOKEN },
    body: JSON.stringify({ member: 'node2' }),
  });
  assert.is(retired.status, 200);
  await waitFor(async () => (await third.get('key')).status === 200, LIMIT_MS, 'the third joins');
  assert.is(await metric(first, 'hearsay_members'), 2);
});

admission.run();
