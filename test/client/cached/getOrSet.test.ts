/** `getOrSet`, tags and counters over two nodes: races, partitions, and nodes that are gone. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClient, InvalidRequestError } from '../../../src/client/index.ts';
import { waitFor } from '../../support/processes.ts';
import { rejection, until } from '../support.ts';
import { type TwoNodes, withTwoNodes } from '../twoNodes.ts';

const loading = suite('getOrSet, tags and counters');

/** A load that counts, and ends when it is told to. */
class Gate {
  loads = 0;
  #open: (value: unknown) => void = () => {};
  #answer = new Promise((resolve) => {
    this.#open = resolve;
  });

  readonly load = (): Promise<unknown> => {
    this.loads++;
    return this.#answer;
  };

  open(value: unknown): void {
    this.#open(value);
  }
}

const repeated = (condition: () => Promise<boolean>, what: string): Promise<void> =>
  waitFor(condition, 20_000, what);

const never = (): never => {
  throw new Error('this load was not to be');
};

loading('over two nodes', () => withTwoNodes(everything));

/** One pair of nodes serves all rules: each has keys of its own. */
async function everything(parts: TwoNodes): Promise<void> {
  await oneLoad(parts);
  await errorsOfLoads(parts);
  await absentValues(parts);
  await staleValues(parts);
  await leases(parts);
  await ownWritesDuringALoad(parts);
  await tagsOnBothNodes(parts);
  await softTags(parts);
  await invalidationDuringALoad(parts);
  await updatesKeepTags(parts);
  await tagsAcrossAPartition(parts);
  await countersAcrossAPartition(parts);
  await wrongOptions(parts);
  await nodesThatAreGone();
}

/** Of many calls at once one loads, also where their reads come back at different times. */
async function oneLoad({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  const gate = new Gate();
  const calls = Array.from({ length: 50 }, () => one.getOrSet('one', gate.load, { ttlMs: 60_000 }));
  await until(() => gate.loads > 0, 'the load begins');
  calls.push(one.getOrSet('one', gate.load));
  gate.open({ n: 1 });
  for (const value of await Promise.all(calls)) assert.equal(value, { n: 1 });
  assert.is(gate.loads, 1);
  assert.equal(await one.getOrSet('one', never), { n: 1 });
  const entry = await one.get('one');
  const left = (entry?.expiresAt?.getTime() ?? 0) - Date.now();
  assert.ok(left > 50_000 && left <= 60_000, `${left} ms are left, of 60 s less a tenth at most`);
}

async function errorsOfLoads({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  const failing = () => Promise.reject(new Error('the database is down'));
  const errors = await Promise.all([1, 2].map(() => rejection(one.getOrSet('failing', failing))));
  for (const error of errors) assert.match(String(error), /the database is down/);
  assert.is(await one.getOrSet('failing', () => 5), 5);
  const unfit = await rejection(one.getOrSet('unfit', () => () => 1));
  assert.instance(unfit, InvalidRequestError);
  const aborted = await rejection(
    one.getOrSet('aborted', () => new Promise(() => {}), { signal: AbortSignal.timeout(20) }),
  );
  assert.match(String(aborted), /TimeoutError/);
}

/** An undefined value is remembered only on demand. */
async function absentValues({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  let loads = 0;
  const load = () => {
    loads++;
  };
  await one.getOrSet('absent', load);
  await one.getOrSet('absent', load);
  assert.is(loads, 2);
  await one.getOrSet('absent', load, { absentTtlMs: 60_000 });
  assert.is(await one.getOrSet('absent', load), undefined);
  assert.is(loads, 3);
}

/** A stale value is given at once, while one call loads another in the background. */
async function staleValues({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  const options = { ttlMs: 1, staleMs: 600_000, earlyRefresh: 0 };
  await one.getOrSet('stale', () => 'old', options);
  // Sent after the value was stored.
  await one.get('stale');
  const gate = new Gate();
  await repeated(async () => {
    const stale = Array.from({ length: 10 }, () => one.getOrSet('stale', gate.load, options));
    assert.equal(await Promise.all(stale), Array(10).fill('old'));
    return gate.loads > 0;
  }, 'the load begins');
  gate.open('new');
  await repeated(async () => (await one.get('stale'))?.value === 'new', 'the new value is there');
  assert.is(gate.loads, 1);
  // A load in the background that fails leaves the stale value, and tells of itself.
  const errors: unknown[] = [];
  const failing = () => Promise.reject(new Error('down'));
  const told = { ...options, onError: (error: unknown) => void errors.push(error) };
  await repeated(async () => {
    assert.is(await one.getOrSet('stale', failing, told), 'new');
    return errors.length > 0;
  }, 'the failure is told');
}

/** Of two processes at one node, one loads and the other waits for its value. */
async function leases({ client }: TwoNodes): Promise<void> {
  const [one, two] = [client([0]), client([0])];
  const gate = new Gate();
  const options = { ttlMs: 60_000, lock: true };
  const first = one.getOrSet('locked', gate.load, options);
  await until(() => gate.loads > 0, 'the load begins');
  const second = two.getOrSet('locked', never, options);
  gate.open('of the first');
  assert.equal(await Promise.all([first, second]), ['of the first', 'of the first']);
  // The lease was given back, with the value.
  const isGivenBack = async () => (await one.get('leases/locked')) === undefined;
  await repeated(isGivenBack, 'the lease was given back');
  // A process that dies with the lease delays the others for waitMs and no longer.
  await one.put('leases/dead', true, { version: 0, ttlMs: 60_000 });
  assert.is(await two.getOrSet('dead', () => 'mine', { lock: { waitMs: 30 } }), 'mine');
  // While one process loads in the background, the other gives the stale value and does not load.
  const stale = { ttlMs: 1, staleMs: 600_000, earlyRefresh: 0, lock: true };
  await one.getOrSet('locked stale', () => 'old', stale);
  await one.get('locked stale');
  const refresh = new Gate();
  await repeated(async () => {
    assert.is(await one.getOrSet('locked stale', refresh.load, stale), 'old');
    return refresh.loads > 0;
  }, 'the load in the background begins');
  assert.is(await two.getOrSet('locked stale', never, stale), 'old');
  refresh.open('new');
}

/** A load that was under way when this client deleted the key does not bring it back. */
async function ownWritesDuringALoad({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  const gate = new Gate();
  const call = one.getOrSet('deleted', gate.load);
  await until(() => gate.loads > 0, 'the load begins');
  await one.delete('deleted');
  const after = one.getOrSet('deleted', () => 'after');
  assert.is(await after, 'after');
  gate.open('before');
  assert.is(await call, 'before');
  assert.is((await one.get('deleted'))?.value, 'after');
}

/** An invalidation counts at once for its client, and for another node's clients once the op is there. */
async function tagsOnBothNodes({ client, nodes }: TwoNodes): Promise<void> {
  const [one, two] = [client([0]), client([1])];
  await one.put('user/1', 'Ada', { tags: ['user:1', 'users'], ttlMs: 600_000 });
  await one.put('user/2', 'Bob', { tags: ['user:2', 'users'] });
  await one.put('plain', 1);
  await until(() => nodes[1].get('plain') !== undefined, 'the entries are at both nodes');
  assert.is((await two.get('user/1'))?.value, 'Ada');
  const { token } = await one.invalidateTag('user:1');
  assert.is.not(token, null);
  assert.is(await one.get('user/1'), undefined);
  assert.equal(
    (await one.getMany(['user/1', 'user/2', 'plain'])).map((entry) => entry?.value),
    [undefined, 'Bob', 1],
  );
  const isGone = async () => (await two.get('user/1')) === undefined;
  await repeated(isGone, 'the other node has the invalidation');
  assert.is((await two.get('user/2'))?.value, 'Bob');
  // Written anew it is there again.
  await two.put('user/1', 'Ada again', { tags: ['user:1', 'users'] });
  assert.is((await two.get('user/1'))?.value, 'Ada again');
  await two.invalidateTag('users');
  assert.equal(await two.getMany(['user/1', 'user/2']), [undefined, undefined]);
  // Nodes, lists and plain REST know nothing of tags.
  assert.is(nodes[1].get('user/1')?.value, 'Ada again');
  assert.is(await two.getOrSet('user/1', () => 'loaded', { tags: ['user:1'] }), 'loaded');
  // However often a tag is invalidated, few marks stay.
  for (let index = 0; index < 5; index++) await two.invalidateTag('users');
  const left = [...nodes[1].list({ prefix: 'tags/users/' })];
  assert.is(left.length, 1);
}

/** After a soft invalidation getOrSet gives the old value once more, and loads. */
async function softTags({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  const options = { tags: ['soft'], earlyRefresh: 0 };
  await one.getOrSet('soft', () => 'old', options);
  await one.invalidateTag('soft', { soft: true });
  assert.is((await one.get('soft'))?.value, 'old');
  const gate = new Gate();
  assert.is(await one.getOrSet('soft', gate.load, options), 'old');
  await until(() => gate.loads > 0, 'the load begins');
  gate.open('new');
  await repeated(async () => (await one.get('soft'))?.value === 'new', 'the new value is there');
  assert.is(await one.getOrSet('soft', never, options), 'new');
}

/** An entry remembers its tags from before its load: an invalidation during the load counts. */
async function invalidationDuringALoad({ client }: TwoNodes): Promise<void> {
  const [one, two] = [client([0]), client([0])];
  const gate = new Gate();
  const options = { tags: ['race'] };
  const call = one.getOrSet('race', gate.load, options);
  await until(() => gate.loads > 0, 'the load begins');
  await two.invalidateTag('race');
  gate.open('before');
  assert.is(await call, 'before');
  assert.is(await two.getOrSet('race', () => 'after', options), 'after');
  // A call after an invalidation does not get the value of an older load.
  const old = new Gate();
  const slow = one.getOrSet('race 2', old.load, options);
  await until(() => old.loads > 0, 'the load begins');
  await one.invalidateTag('race');
  assert.is(await one.getOrSet('race 2', () => 'after', options), 'after');
  old.open('before');
  assert.is(await slow, 'before');
  assert.is((await one.get('race 2'))?.value, 'after');
}

async function updatesKeepTags({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  await one.put('tagged', 1, { tags: ['kept'] });
  await one.update<number>('tagged', (value = 0) => value + 1);
  assert.is((await one.get('tagged'))?.value, 2);
  await one.touch('tagged', 600_000);
  await one.invalidateTag('kept');
  assert.is(await one.get('tagged'), undefined);
}

/** Two invalidations that know nothing of each other both count, whichever op wins or comes last. */
async function tagsAcrossAPartition({ client, nodes, divide, heal }: TwoNodes): Promise<void> {
  const [one, two] = [client([0]), client([1])];
  await one.put('before', 0, { tags: ['parted'] });
  await until(() => nodes[1].get('before') !== undefined, 'the entry is at both nodes');
  assert.is((await two.get('before'))?.value, 0);
  divide();
  await one.invalidateTag('parted');
  await one.put('of one', 1, { tags: ['parted'] });
  for (let index = 0; index < 3; index++) await two.invalidateTag('parted');
  await two.put('of two', 2, { tags: ['parted'] });
  assert.is((await one.get('of one'))?.value, 1);
  assert.is((await two.get('of two'))?.value, 2);
  heal();
  await until(
    () => nodes[0].get('of two') !== undefined && nodes[1].get('of one') !== undefined,
    'the nodes have met again',
  );
  // Each was written by somebody who did not know of the other's invalidation.
  const keys = ['before', 'of one', 'of two'];
  await repeated(async () => {
    const shown = [...(await one.getMany(keys)), ...(await two.getMany(keys))];
    return shown.every((entry) => entry === undefined);
  }, 'all of them are gone at both');
  await one.put('after', 3, { tags: ['parted'] });
  assert.is((await one.get('after'))?.value, 3);
}

/** No increment is lost that two sides of a partition made, and none counts twice. */
async function countersAcrossAPartition(parts: TwoNodes): Promise<void> {
  const { client, divide, heal } = parts;
  const [one, two] = [client([0]), client([1])];
  const [left, right] = [one.counter('visits'), two.counter('visits')];
  // Another counter whose name begins with the same letters.
  await one.counter('visits#2').add(1000);
  await Promise.all([left.add(), left.add(2), right.add(10)]);
  divide();
  await Promise.all(Array.from({ length: 30 }, () => left.add()));
  for (let index = 0; index < 5; index++) await right.add(-1);
  assert.is(await left.value(), 33 + 10);
  heal();
  await repeated(async () => {
    const both = await Promise.all([left.value(), right.value(), one.counter('visits').value()]);
    return both.every((sum) => sum === 38);
  }, 'both sides give the whole sum');
  const error = await rejection(left.add(0.5));
  assert.instance(error, InvalidRequestError);
  assert.is(await left.value(), 38);
}

async function wrongOptions({ client }: TwoNodes): Promise<void> {
  const one = client([0]);
  const wrong: readonly [options: object, message: RegExp][] = [
    [{ ttl: 5 }, /ttl is no option of getOrSet: it is ttlMs/],
    [{ ttlMs: 0 }, /ttlMs must be an integer/],
    [{ jitter: 2 }, /jitter must be a number from 0 to 1/],
    [{ tags: [''] }, /A tag must not be empty/],
    [{ tags: Array.from({ length: 257 }, (_, index) => `t${index}`) }, /more than 256 tags/],
    [{ lock: { lease: 5 } }, /lease is no option of lock: it is leaseMs/],
  ];
  for (const [options, message] of wrong) {
    const error = await rejection(one.getOrSet('wrong', never, options));
    assert.instance(error, InvalidRequestError);
    assert.match(String(error), message);
  }
  assert.instance(await rejection(one.getOrSet('', never)), InvalidRequestError);
  const batch: { batch(ops: unknown): Promise<unknown> } = one;
  const error = await rejection(batch.batch([{ op: 'put', key: 'a', value: 1, tags: ['x'] }]));
  assert.match(String(error), /tags is no option of put/);
}

/** Without a node, getOrSet gives what is loaded, and tells why. */
async function nodesThatAreGone(): Promise<void> {
  await using lost = createClient({
    endpoints: ['http://127.0.0.1:9'],
    maxRounds: 1,
    attemptTimeoutMs: 50,
  });
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const options = { tags: ['x'], lock: true, onError };
  assert.is(await lost.getOrSet('a', () => 5, options), 5);
  assert.ok(errors.length > 0);
  const error = await rejection(lost.put('a', 1, { tags: ['x'] }));
  assert.is((error as Error).name, 'UnavailableError');
}

loading.run();
