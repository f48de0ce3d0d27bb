/** A client's word on tags beside its values, over two nodes: stale entries, ends of them, and the last invalidation. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClient, InvalidRequestError, UnavailableError } from '../../../src/client/index.ts';
import { waitFor } from '../../support/processes.ts';
import { rejection } from '../support.ts';
import { type TwoNodes, withTwoNodes } from '../twoNodes.ts';

const tags = suite('tags of a client');

const repeated = (condition: () => Promise<boolean>, what: string): Promise<void> =>
  waitFor(condition, 20_000, what);

tags('over two nodes', () => withTwoNodes(everything));

/** One pair of nodes serves all rules: each has keys and tags of its own. */
async function everything(parts: TwoNodes): Promise<void> {
  await staleEntries(parts);
  await valuesOfBefore(parts);
  await lastInvalidations(parts);
  await wrongOptions(parts);
}

/** An entry of a soft invalidation says that it is stale, and is gone from the end on that the invalidation named. */
async function staleEntries({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  for (const key of ['endless', 'ending']) await one.put(key, key, { tags: [key] });
  assert.is((await one.get('ending'))?.isStale, undefined);
  await one.invalidateTag('endless', { soft: true });
  await one.invalidateTag('ending', { soft: true, staleMs: 600_000 });
  for (const key of ['endless', 'ending']) assert.is((await one.get(key))?.isStale, true, key);
  await one.put('ending', 'anew', { tags: ['ending'] });
  assert.is((await one.get('ending'))?.isStale, undefined);
  await one.invalidateTag('ending', { soft: true, staleMs: 1 });
  await repeated(async () => (await one.get('ending')) === undefined, 'it is not stale for ever');
  assert.is((await one.get('endless'))?.isStale, true);
}

/** A value that was made before this client knew of an invalidation does not count as a newer one. */
async function valuesOfBefore({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  await one.lastInvalidation(['made']);
  const madeAtMs = performance.now();
  await one.put('made', 'before', { tags: ['made'], madeAtMs });
  assert.is((await one.get('made'))?.value, 'before');
  await one.invalidateTag('made');
  await one.put('made', 'before', { tags: ['made'], madeAtMs });
  assert.is(await one.get('made'), undefined);
  await one.put('made', 'after', { tags: ['made'], madeAtMs: performance.now() });
  assert.is((await one.get('made'))?.value, 'after');
  await one.put('made', 'now', { tags: ['made'] });
  assert.is((await one.get('made'))?.value, 'now');
}

/** The last invalidation of several tags is known here at once, and elsewhere as soon as it is told. */
async function lastInvalidations({ client }: TwoNodes): Promise<void> {
  const [one, two] = [client([0]), client([1])];
  assert.is(await one.lastInvalidation([]), null);
  assert.is(await one.lastInvalidation(['last 1', 'last 2']), null);
  const [beforeMs, beforeSeenMs] = [Date.now(), performance.now()];
  await one.invalidateTag('last 1');
  const known = await one.lastInvalidation(['last 1', 'last 2']);
  assert.ok(
    known !== null && known.seenAtMs >= beforeSeenMs && known.seenAtMs <= performance.now(),
  );
  const isFound = async () => (await two.lastInvalidation(['last 1', 'last 2'])) !== null;
  await repeated(isFound, 'the other client has heard of it');
  const told = await two.lastInvalidation(['last 1']);
  const atMs = told?.at.getTime() ?? 0;
  assert.ok(atMs >= beforeMs && atMs <= Date.now(), 'the time is that of the invalidation');
  assert.is(await two.lastInvalidation(['last 2']), null);
  await two.invalidateTag('last 2', { soft: true });
  const later = await two.lastInvalidation(['last 1', 'last 2']);
  assert.ok((later?.seenAtMs ?? 0) > (told?.seenAtMs ?? 0), 'the last of them counts');
}

async function wrongOptions({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  for (const staleMs of [0, 1.5, 10 ** 14])
    assert.instance(
      await rejection(one.invalidateTag('a', { soft: true, staleMs })),
      InvalidRequestError,
      String(staleMs),
    );
  const wrong: { invalidateTag(tag: string, options: object): Promise<unknown> } = one;
  assert.match(
    String(await rejection(wrong.invalidateTag('a', { stale: 5 }))),
    /stale is no option/,
  );
  await using lost = createClient({
    endpoints: ['http://127.0.0.1:9'],
    maxRounds: 1,
    attemptTimeoutMs: 50,
  });
  assert.instance(await rejection(lost.lastInvalidation(['a'])), UnavailableError);
}

tags.run();
