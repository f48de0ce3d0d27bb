/** Logs that were set aside: how often they are offered, to which log, and when they are dropped. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Offers, type OffersOptions } from '../../../src/gossip/driver/offers.ts';
import { type SetAside, setAside } from '../../../src/replica/setAside.ts';
import { memberValue } from '../../../src/rules/members.ts';
import type { Vector } from '../../../src/words/vector.ts';
import { forgetful, SOUND } from '../../replica/offers.ts';
import { openReplica, PEER, type TestReplica } from '../../support/replicas.ts';
import { asideOf } from './wired.ts';

const JOIN_TIMEOUT_MS = 10_000;
const OTHER_ORIGIN = 'node3.cccccc';

interface World extends TestReplica {
  readonly offers: Offers;
  /** The calls of the files, in order. */
  readonly calls: string[];
  /** The vectors that judges were asked for. */
  readonly bases: Vector[];
  /** The seqs that were asked for, and whether another node holds them. */
  readonly held: { asked: number[]; is: boolean };
}

/** @param joined whether the log takes offers. */
async function world(
  asides: readonly SetAside[],
  { joined = true, ...options }: Partial<OffersOptions> & { readonly joined?: boolean } = {},
): Promise<World> {
  const opened = await openReplica();
  if (joined) await opened.replica.membership.form('the cluster', memberValue('node1', null));
  const calls: string[] = [];
  const bases: Vector[] = [];
  const held: World['held'] = { asked: [], is: true };
  const offers = new Offers(
    {
      replica: opened.replica,
      logs: {
        openAside: async (name) => {
          calls.push(`open ${name}`);
          return null;
        },
        dropAside: async (name) => {
          calls.push(`drop ${name}`);
        },
      },
      judges: (base) => {
        bases.push(base);
        return [];
      },
      isHeld: (seq) => {
        held.asked.push(seq);
        return held.is;
      },
      note: () => {},
      steadyMs: () => opened.clock.nowMs,
      joinTimeoutMs: JOIN_TIMEOUT_MS,
      maxClockSkewMs: 1000,
      keepMs: 0,
      ...options,
    },
    asides,
  );
  return { ...opened, offers, calls, bases, held };
}

const offering = suite('offers of what was set aside (rule 12)');

offering('a log is offered, and then dropped once another node holds the offers', async () => {
  const { offers, replica, calls, held } = await world([asideOf()]);
  assert.equal([offers.isDone, offers.areSettled, offers.isDue], [false, false, true]);
  await offers.offer();
  assert.equal([offers.isDone, offers.areSettled], [true, false]);
  assert.is(replica.map.head('a')?.version, 7);
  held.is = false;
  await offers.dropHeld();
  assert.equal(calls, ['open old']);
  held.is = true;
  await offers.dropHeld();
  assert.equal([calls, offers.areSettled], [['open old', 'drop old'], true]);
  assert.is(held.asked[0], replica.record(replica.origin).seq);
  assert.is(replica.header.facts.settledLog, 'old');
  await offers.dropHeld();
  assert.is(calls.length, 2);
});

offering('of a log that was not kept only the origin is retired', async () => {
  const { offers, replica, calls } = await world([asideOf({ name: null, entries: [] })]);
  await replica.membership.admit('node1.before', memberValue('node1', null));
  await offers.offer();
  await offers.dropHeld();
  assert.equal([calls, offers.isDone], [[], true]);
  assert.ok(replica.members.isRetired('node1.before'));
  assert.is(replica.header.facts.settledLog, null);
});

offering(
  'it is due again two seconds after it was begun, and never while nothing is left',
  async () => {
    const { offers, clock } = await world([asideOf()], { joined: false });
    await offers.offer().then(
      () => assert.unreachable(),
      (error: unknown) => assert.match(String(error), /has not joined/),
    );
    assert.equal([offers.isDone, offers.isDue], [false, false]);
    clock.nowMs += 1999;
    assert.is(offers.isDue, false);
    clock.nowMs++;
    assert.is(offers.isDue, true);
    assert.is((await world([])).offers.isDue, false);
  },
);

offering('one round is under way at a time, of offers as of drops', async () => {
  const { offers, calls, holdDisk } = await world([asideOf()]);
  let goOn = holdDisk();
  const first = offers.offer();
  await offers.offer();
  assert.is(offers.isDone, false, 'it is not over yet');
  goOn();
  await first;
  assert.equal([calls, offers.isDone], [['open old'], true]);
  goOn = holdDisk();
  const dropping = offers.dropHeld();
  await offers.dropHeld();
  goOn();
  await dropping;
  assert.equal(calls, ['open old', 'drop old']);
});

offering(
  'a log that was offered to a log which is gone is offered again, and not dropped',
  async () => {
    const { offers, calls, holdDisk } = await world([asideOf(), asideOf({ name: 'older' })]);
    await offers.offer();
    const goOn = holdDisk();
    const dropping = offers.dropHeld();
    offers.add(asideOf({ name: 'newest' }));
    goOn();
    await dropping;
    assert.equal(calls, ['open old', 'open older']);
    await offers.offer();
    assert.equal(calls.slice(2), ['open old', 'open older', 'open newest']);
  },
);

offering('a round ends with the log that it began with', async () => {
  const [{ log: empty }, { log: old }] = [await openReplica(), await openReplica()];
  const opened: string[] = [];
  const { offers, replica } = await world([asideOf(), asideOf({ name: 'older' })], {
    logs: {
      openAside: async (name) => {
        opened.push(name);
        return old;
      },
      dropAside: async () => {},
    },
  });
  old.close = async () => {
    await replica.suspend();
    await replica.adopt(empty);
  };
  await offers.offer();
  assert.equal([opened, offers.isDone], [['old'], false]);
});

offering(
  'what nobody can judge is offered again, and left out from the join timeout on',
  async () => {
    const { old, cluster } = await forgetful();
    const { replica, clock } = cluster;
    // It could judge, and is not there.
    await replica.membership.admit(OTHER_ORIGIN, memberValue('node3', null));
    old.log.close = async () => {};
    const offers = new Offers(
      {
        replica,
        logs: { openAside: async () => old.log, dropAside: async () => {} },
        judges: () => [],
        isHeld: () => false,
        note: () => {},
        steadyMs: () => clock.nowMs,
        joinTimeoutMs: JOIN_TIMEOUT_MS,
        maxClockSkewMs: 1000,
        keepMs: 0,
      },
      [setAside(old.replica, 'old', SOUND)],
    );
    await offers.offer();
    assert.is(offers.isDone, false);
    clock.nowMs += JOIN_TIMEOUT_MS - 1;
    await offers.offer();
    assert.is(offers.isDone, false);
    clock.nowMs += 1;
    await offers.offer();
    assert.is(offers.isDone, true);
  },
);

offering('all rounds to one log begin with the vector of the first', async () => {
  const { offers, replica, bases } = await world([asideOf()], { joined: false });
  const fails = () =>
    offers.offer().then(
      () => assert.unreachable(),
      () => {},
    );
  await fails();
  await replica.membership.form('the cluster', memberValue('node1', null));
  await offers.offer();
  assert.equal(
    bases.map((base) => [...base]),
    [[], []],
  );
});

offering.run();

const past = suite('the past of a node that has begun anew');

const [OWN, OTHER] = ['node1.before', PEER].map((origin) => ({
  origin,
  nodeId: origin.slice(0, 5),
  url: null,
}));

past('it was with others if a log that they shared held an entry', async () => {
  assert.ok(OWN && OTHER);
  const kindOf = async (...asides: SetAside[]): Promise<unknown[]> => {
    const { kind, members } = (await world(asides)).offers.past;
    return [kind, members.map(({ origin }) => origin)];
  };
  const members = [OWN, OTHER];
  assert.equal(await kindOf(), ['none', []]);
  assert.equal(await kindOf(asideOf({ members })), ['alone', []]);
  assert.equal(await kindOf(asideOf({ members, hadOthers: true, entries: [] })), ['alone', []]);
  assert.equal(await kindOf(asideOf({ members, hadOthers: true })), ['withOthers', [PEER]]);
  const earlier = asideOf({ members, hadOthers: true, origin: PEER });
  assert.equal(await kindOf(asideOf(), earlier), ['withOthers', []], 'both were its own');
});

past.run();
