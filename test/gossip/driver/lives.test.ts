/** The lives of a log: what goes with each, and what is kept of the one that a node gives up. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ClientGate } from '../../../src/gossip/driver/clientGate.ts';
import { Lives } from '../../../src/gossip/driver/lives.ts';
import type { Offers } from '../../../src/gossip/driver/offers.ts';
import type { DriverOptions, LogChanges } from '../../../src/gossip/driver/options.ts';
import { viewOf } from '../../../src/gossip/driver/view.ts';
import type { Input, OutputOf } from '../../../src/gossip/protocol/inputOutput.ts';
import type { SetAside } from '../../../src/replica/setAside.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { DiskFullError } from '../../../src/words/errors.ts';
import type { NoteFacts } from '../../../src/words/note.ts';
import { put } from '../../support/ops.ts';
import { openReplica, PEER, type TestReplica, turn } from '../../support/replicas.ts';

interface World extends TestReplica {
  readonly lives: Lives;
  readonly inputs: Input[];
  readonly notes: { readonly text: string; readonly facts: NoteFacts }[];
  /** The logs that were set aside. */
  readonly asides: SetAside[];
  /** The changes of the files, in order. */
  readonly changes: string[];
  /** The origins of the members that each new core knew. */
  readonly begun: string[][];
  readonly failures: unknown[];
  readonly offers: { isDone: boolean; asked: number };
}

interface WorldOptions {
  readonly isFormed?: boolean;
  /** Called before each change of the files. */
  readonly changing?: () => void;
}

async function world({ isFormed = true, changing = () => {} }: WorldOptions = {}): Promise<World> {
  const opened = await openReplica();
  const { replica, clock } = opened;
  if (isFormed) await replica.membership.form('the cluster', memberValue('node1', null));
  const [inputs, notes, asides, changes, begun, failures]: [
    Input[],
    World['notes'],
    SetAside[],
    string[],
    string[][],
    unknown[],
  ] = [[], [], [], [], [], []];
  const state = { isDone: true, asked: 0 };
  const offers = {
    get isDone() {
      return state.isDone;
    },
    add: (aside: SetAside) => asides.push(aside),
  } as unknown as Offers;
  const empty = async (name: string) => {
    changing();
    changes.push(name);
    return (await openReplica({ nodeId: 'node1b' })).log;
  };
  const logs: Partial<LogChanges> = {
    renew: () => empty('renew'),
    exchange: async () => ({ log: await empty('exchange'), asideName: 'the old one' }),
  };
  const driver = {
    replica,
    logs,
    newId: () => 'a new cluster',
    newOrigin: () => 'node1.newone',
    note: (_level: string, text: string, facts: NoteFacts) => notes.push({ text, facts }),
  } as unknown as DriverOptions;
  const steadyMs = () => clock.nowMs;
  const { readiness } = replica;
  const lives = new Lives({
    driver,
    view: viewOf(replica),
    gate: new ClientGate({ readiness, offers, steadyMs, joinTimeoutMs: 1000 }),
    offers,
    step: (input) => inputs.push(input),
    offer: () => void state.asked++,
    end: () => {},
    begin: (known) => begun.push(known.map(({ origin }) => origin)),
    steadyMs,
    fail: (error) => failures.push(error),
  });
  return { ...opened, lives, inputs, notes, asides, changes, begun, failures, offers: state };
}

const rejoining = (fields: Partial<OutputOf<'rejoin'>> = {}): Omit<OutputOf<'rejoin'>, 'kind'> => ({
  reason: 'a test',
  keep: true,
  ownOps: 'sound',
  isClaimed: false,
  leaves: [],
  ...fields,
});

async function settled({ lives }: World): Promise<void> {
  for (let turns = 0; turns < 50 && lives.isChanging; turns++) await turn();
  assert.is(lives.isChanging, false);
}

const lives = suite('the lives of a log');

lives('a cluster is formed under a new id, which the log of the node tells', async () => {
  const made = await world({ isFormed: false });
  await made.lives.form(memberValue('node1', null));
  assert.equal(made.inputs, [{ kind: 'joined' }]);
  assert.equal(made.notes[0]?.facts, { event: 'formed', cluster: 'a new cluster' });
});

lives('a cluster that finds no room is not formed', async () => {
  const made = await world({ isFormed: false });
  made.log.failNextAppend('full');
  await made.lives.form(memberValue('node1', null)).then(
    () => assert.unreachable(),
    (error: unknown) => assert.instance(error, DiskFullError),
  );
  assert.equal(made.inputs, [{ kind: 'joinFailed' }]);
});

lives('a node that is ready offers what is left to offer, and nothing else', async () => {
  for (const isDone of [true, false]) {
    const made = await world();
    made.offers.isDone = isDone;
    made.lives.ready(memberValue('node1', null));
    assert.is(made.offers.asked, isDone ? 0 : 1);
    assert.is(made.lives.isChanging, false);
  }
});

lives('a node that owes a new origin goes on under it before it is ready', async () => {
  const made = await world();
  made.replica.membership.markForNewOrigin();
  made.lives.ready(memberValue('node1', null));
  await settled(made);
  assert.equal([made.replica.origin, made.begun], ['node1.newone', [[]]]);
  assert.is(made.replica.readiness.isWritable, false);
});

lives(
  'a rejoin keeps the log, the members but this node, and the time if peers claimed it',
  async () => {
    for (const isClaimed of [true, false]) {
      const made = await world();
      await made.replica.membership.admit(PEER, memberValue('node2', 'http://two'));
      const { origin } = made.replica;
      made.lives.rejoin(rejoining({ isClaimed }), true);
      assert.is(made.lives.claimedRejoinAt, isClaimed ? made.clock.nowMs : null);
      await settled(made);
      assert.equal([made.changes, made.begun, made.lives.rejoins], [['exchange'], [[PEER]], 1]);
      const [aside] = made.asides;
      assert.equal([aside?.name, aside?.origin, aside?.hadOthers], ['the old one', origin, true]);
      assert.is.not(made.replica.origin, origin);
    }
  },
);

lives('a log had others if it counted some, or if others gave the reason', async () => {
  for (const [hasPeer, forOthers, hadOthers] of [
    [false, false, false],
    [false, true, true],
    [true, false, true],
  ] as const) {
    const made = await world();
    if (hasPeer) await made.replica.membership.admit(PEER, memberValue('node2', null));
    made.lives.rejoin(rejoining(), forOthers);
    await settled(made);
    assert.is(made.asides[0]?.hadOthers, hadOthers);
  }
});

lives('nothing is kept of a log that is thrown away, nor of half a snapshot', async () => {
  for (const isHalf of [false, true]) {
    const made = await world({ isFormed: !isHalf });
    const { origin } = made.replica;
    const rows = [{ op: put({ origin: PEER }), isEntry: true }];
    if (isHalf) await made.replica.incomingSnapshot.takeRows(rows);
    made.lives.rejoin(rejoining({ keep: isHalf }), true);
    await settled(made);
    assert.equal(made.changes, ['renew']);
    const [aside] = made.asides;
    assert.equal([aside?.name, aside?.origin, aside?.entries], [null, origin, []]);
  }
});

lives.run();

const room = suite('a change that finds no room');

room('it is made again after a second, and told once', async () => {
  let refusals = 3;
  const made = await world({
    changing: () => {
      if (refusals-- > 0) throw new DiskFullError();
    },
  });
  made.lives.rejoin(rejoining(), false);
  for (const left of [2, 1, 0]) {
    await turn();
    made.clock.nowMs += 999;
    made.lives.tick();
    await turn();
    assert.is(refusals, left);
    made.clock.nowMs++;
    made.lives.tick();
  }
  await settled(made);
  assert.equal(
    made.notes.map(({ facts }) => facts.event),
    ['rejoins', 'no-room'],
  );
  assert.equal([made.begun.length, made.failures], [1, []]);
});

room('any other failure ends it at once', async () => {
  const mistake = new Error('a mistake');
  const made = await world({
    changing: () => {
      throw mistake;
    },
  });
  made.lives.rejoin(rejoining(), false);
  await settled(made);
  assert.equal([made.failures, made.begun], [[mistake], []]);
});

room('a node that is stopped before it knows of the want of room waits no more', async () => {
  const made = await world({
    changing: () => {
      throw new DiskFullError();
    },
  });
  made.lives.rejoin(rejoining(), false);
  await made.lives.stop();
  assert.equal([made.lives.isChanging, made.begun, made.failures.length], [false, [], 1]);
});

room.run();
