/** The driver opens and closes the node to clients: with the real replica, and no peer. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Driver } from '../../../src/gossip/driver/driver.ts';
import type { LogChanges } from '../../../src/gossip/driver/options.ts';
import type { Transport } from '../../../src/gossip/transport.ts';
import { type Commit, outlivesPowerCuts } from '../../../src/log/log.ts';
import type { SetAside } from '../../../src/replica/setAside.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { DiskFullError, NotReadableError, NotWritableError } from '../../../src/words/errors.ts';
import { seeded } from '../../../src/words/random.ts';
import { RareNotes } from '../../../src/words/rareNotes.ts';
import { put } from '../../support/ops.ts';
import { openReplica, putting, type TestReplica, turn } from '../../support/replicas.ts';
import { asideOf } from './wired.ts';

const JOIN_TIMEOUT_MS = 10_000;
const CLAIM_PATIENCE_MS = 60_000;
const REJOIN_PAUSE_MS = 600_000;
const OLD = 'node1.before';
const NO_COMMIT: Commit = { rows: [], origins: [] };

const nobody: Transport = {
  listen: () => {},
  dial: () => {},
  send: () => {},
  bufferedBytes: () => 0,
  close: () => {},
  stop: async () => {},
};

function driverOf(
  { replica, log, clock }: TestReplica,
  setAside: readonly SetAside[] = [],
  logs: Partial<LogChanges> = {},
  holdMs?: number,
): Driver {
  return new Driver({
    replica,
    transport: nobody,
    settings: {
      nodeId: 'node1',
      cluster: 'hearsay',
      instance: 'this one',
      urls: [],
      url: null,
      firstRedialMs: 100,
      maxRedialMs: 3000,
      maxMembers: 64,
      meshLimit: 64,
      maxJoinsPerMinute: 5,
      joinTimeoutMs: JOIN_TIMEOUT_MS,
      pullIntervalMs: 1000,
      pullTimeoutMs: 5000,
      maxClockSkewMs: 10_000,
      memberTimeoutMs: 1e9,
      claimPatienceMs: CLAIM_PATIENCE_MS,
      rejoinPauseMs: REJOIN_PAUSE_MS,
      peerRefusalMs: 600_000,
      hearingMs: 15_000,
    },
    random: seeded(1),
    steadyMs: () => clock.nowMs,
    pause: async () => {},
    note: () => {},
    newId: () => 'the cluster',
    newOrigin: () => 'node1.newone',
    logs: {
      renew: async () => log,
      exchange: async () => ({ log, asideName: OLD }),
      openAside: async () => null,
      dropAside: async () => {},
      ...logs,
    },
    setAside,
    ...(holdMs !== undefined && { holdMs }),
    fail: (error) => {
      throw error;
    },
  });
}

const asideWith = (key: string): SetAside =>
  asideOf({ name: OLD, entries: [put({ origin: OLD, key, version: 7 })] });

const refusal = (replica: TestReplica['replica']): Promise<unknown> =>
  replica.submit([putting('a')]).then(
    () => null,
    (error: unknown) => error,
  );

const rare = suite('what is told once in a while');
const FACTS = { event: 'full' };

rare('the same is told again after ten minutes, and another at once', () => {
  const told: string[] = [];
  let nowMs = 0;
  const notes = new RareNotes(
    (text) => told.push(text),
    () => nowMs,
  );
  for (; nowMs < 600_000; nowMs += 100_000) notes.tell('full', FACTS);
  notes.tell('other', FACTS);
  assert.equal(told, ['full', 'other']);
  notes.tell('full', FACTS);
  assert.equal(told, ['full', 'other', 'full']);
});

rare.run();

const driver = suite('what a driver lets clients do');

driver('a node that has not joined answers no reads, and takes no writes', async () => {
  const opened = await openReplica();
  const { replica } = opened;
  const driven = driverOf(opened);
  assert.throws(
    () => replica.get('a'),
    (error: unknown) => error instanceof NotReadableError,
  );
  assert.throws(
    () => replica.list('', null, { entries: 1 }),
    (error: unknown) => error instanceof NotReadableError,
  );
  assert.instance(await refusal(replica), NotWritableError);
  driven.tick();
  await turn();
  assert.is(replica.get('a').kind, 'absent');
  assert.is(await refusal(replica), null);
});

/** Of a node that has joined, and was stopped before it had offered what it had set aside. */
async function joined(): Promise<TestReplica> {
  const { replica, log } = await openReplica();
  await replica.membership.form('the cluster', memberValue('node1', null));
  return openReplica({ stored: log.crash('lost') });
}

driver('what was set aside goes before whatever clients write', async () => {
  const opened = await joined();
  const { replica, holdDisk } = opened;
  const driven = driverOf(opened, [asideWith('a')]);
  const open = holdDisk();
  driven.tick();
  assert.is(driven.phase, 'ready');
  assert.throws(() => replica.get('a'), /offers the ops again that it held before it rejoined/);
  assert.match(
    String(await refusal(replica)),
    /offers the ops again that it held before it rejoined/,
  );
  open();
  for (let turns = 0; turns < 20 && !replica.readiness.isWritable; turns++) await turn();
  const [outcome] = await replica.submit([putting('a', { version: 1 })]);
  assert.is(outcome?.kind, 'conflict');
});

driver('clients wait for what was set aside no longer than for peers', async () => {
  const opened = await joined();
  const { replica, clock, holdDisk } = opened;
  const driven = driverOf(opened, [asideWith('b')]);
  const open = holdDisk();
  driven.tick();
  clock.nowMs += JOIN_TIMEOUT_MS - 1;
  driven.tick();
  assert.instance(await refusal(replica), NotWritableError);
  clock.nowMs += 1;
  driven.tick();
  const written = refusal(replica);
  open();
  assert.is(await written, null);
});

driver(
  'what was set aside is dropped once no power cut takes its offers from this node',
  async () => {
    const opened = await joined();
    const { log, clock } = opened;
    const dropped: string[] = [];
    const driven = driverOf(opened, [asideWith('a')], {
      dropAside: async (name) => {
        dropped.push(name);
      },
    });
    const open = opened.holdDisk();
    driven.tick();
    for (let count = 0; count < 5; count++) {
      await turn();
      clock.nowMs += 1000;
      driven.tick();
    }
    assert.equal(dropped, []);
    open();
    await turn();
    log.failNextAppend('full');
    driven.tick();
    await turn();
    assert.is(outlivesPowerCuts(log.commits.at(-1) ?? NO_COMMIT), true);
    assert.equal(dropped, []);
    driven.tick();
    await turn();
    assert.equal(dropped, [OLD]);
    assert.is(log.stored().header.facts.settledLog, OLD);
  },
);

const HOLD_MS = 100_000;
/** Until every claim that it must rejoin could have come. */
const KEEP_MS = HOLD_MS + CLAIM_PATIENCE_MS + REJOIN_PAUSE_MS;

driver('a log whose ops are offered is kept for a while, also by the next start', async () => {
  let opened = await joined();
  const dropped: string[] = [];
  const logs = {
    dropAside: async (name: string) => {
      dropped.push(name);
    },
  };
  let driven = driverOf(opened, [asideWith('a')], logs, HOLD_MS);
  const goOn = async (ms: number): Promise<void> => {
    for (let count = 0; count < 10; count++) {
      opened.clock.nowMs += ms / 10;
      driven.tick();
      await turn();
    }
  };
  await goOn(1000);
  assert.equal([driven.owesOffers, driven.areOffersSettled, driven.logsAside], [false, true, 1]);
  opened = await openReplica({ stored: opened.log.crash('lost') });
  driven = driverOf(opened, [asideWith('a')], logs, HOLD_MS);
  assert.equal([driven.owesOffers, driven.logsAside], [false, 1]);
  await goOn(KEEP_MS - 1);
  assert.equal(dropped, []);
  await goOn(10);
  assert.equal(dropped, [OLD]);
  assert.is(driven.logsAside, 0);
});

driver('a log of another cluster is not kept', async () => {
  const opened = await joined();
  const dropped: string[] = [];
  const aside = { ...asideWith('a'), clusterId: 'another' };
  const logs = {
    dropAside: async (name: string) => {
      dropped.push(name);
    },
  };
  const driven = driverOf(opened, [aside], logs, HOLD_MS);
  for (let count = 0; count < 10; count++) {
    opened.clock.nowMs += 100;
    driven.tick();
    await turn();
  }
  assert.equal(dropped, [OLD]);
});

driver('a rejoin offers a kept log once more, without its entries', async () => {
  const opened = await joined();
  const read: string[] = [];
  const { log: empty } = await openReplica();
  const driven = driverOf(
    opened,
    [asideWith('a')],
    {
      exchange: async () => ({ log: empty, asideName: 'node1.later' }),
      openAside: async (name) => {
        read.push(name);
        return null;
      },
    },
    HOLD_MS,
  );
  const goOn = async (): Promise<void> => {
    for (let count = 0; count < 20; count++) {
      opened.clock.nowMs += 1000;
      driven.tick();
      await turn();
    }
  };
  await goOn();
  assert.equal(read, [OLD]);
  await opened.replica.membership.retire(opened.replica.origin);
  await goOn();
  assert.ok(opened.replica.log === empty);
  assert.is(driven.owesOffers, true);
  assert.is(driven.logsAside, 2);
});

driver.run();

const full = suite('a disk that is full while a node goes on under another origin');

/** Of a node whose last start was a crash, with durability=normal. */
async function owing(): Promise<TestReplica> {
  const opened = await joined();
  opened.replica.membership.markForNewOrigin();
  return opened;
}

full('it is waited for: the node is read meanwhile, and then goes on', async () => {
  const opened = await owing();
  const { replica, log, clock } = opened;
  const driven = driverOf(opened);
  for (let count = 0; count < 3; count++) {
    log.failNextAppend('full');
    driven.tick();
    await turn();
    assert.is(replica.get('a').kind, 'absent');
    assert.instance(await refusal(replica), NotWritableError);
    assert.is.not(replica.origin, 'node1.newone');
    clock.nowMs += 1000;
  }
  for (let count = 0; count < 3; count++) {
    driven.tick();
    await turn();
  }
  assert.is(replica.origin, 'node1.newone');
  assert.is(await refusal(replica), null);
});

full('a rejoin waits for it too', async () => {
  const opened = await joined();
  const { clock } = opened;
  let refusals = 2;
  const empty = (await openReplica()).log;
  const driven = driverOf(opened, [], {
    exchange: async () => {
      if (refusals-- > 0) throw new DiskFullError();
      return { log: empty, asideName: OLD };
    },
  });
  driven.tick();
  await turn();
  await opened.replica.membership.retire(opened.replica.origin);
  for (let count = 0; count < 10 && opened.replica.log !== empty; count++) {
    driven.tick();
    await turn();
    clock.nowMs += 1000;
  }
  assert.ok(opened.replica.log === empty);
  assert.is(refusals, -1);
});

full('a node that waits for it can be stopped', async () => {
  const opened = await owing();
  const driven = driverOf(opened);
  opened.log.failNextAppend('full');
  driven.tick();
  await turn();
  await driven.stop();
  assert.is.not(opened.replica.origin, 'node1.newone');
});

full.run();
