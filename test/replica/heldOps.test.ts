/** Rule 12: which ops of a log that was set aside the cluster surely knows. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Log, PageLimit } from '../../src/log/log.ts';
import { MemoryLog } from '../../src/log/memory.ts';
import { heldOps } from '../../src/replica/heldOps.ts';
import { nothingOf, type SetAside } from '../../src/replica/setAside.ts';
import type { Op } from '../../src/words/op.ts';
import { newHeader, type OriginRecord } from '../../src/words/row.ts';
import { history, put, row, sumOf } from '../support/ops.ts';

const OWN = 'node1.aaaaaa';
const PEER = 'node2.bbbbbb';

/** Ops of the origin that share their ids with others, but not their content. */
const otherOps = (origin: string, from: number, to: number): Op[] =>
  history(origin, from, to).map(({ seq, key }) => put({ origin, seq, hlc: seq, key, value: '0' }));

/** A log of which compaction removes rows once their sum was read. */
class GoingLog extends MemoryLog {
  going: (op: Op) => boolean = () => false;

  override async opsAfter(origin: string, after: number, limit: PageLimit): Promise<Op[]> {
    const ops = await super.opsAfter(origin, after, limit);
    return ops.filter((op) => !this.going(op));
  }
}

const logOf = (ops: readonly Op[], readDelay?: () => Promise<void>): GoingLog =>
  new GoingLog({
    clusterName: 'hearsay',
    newOrigin: () => OWN,
    stored: {
      header: newHeader('hearsay', OWN),
      origins: [],
      rows: ops.map((op, index) => row(index + 1, op)),
      stoppedUncleanly: false,
    },
    ...(readDelay === undefined ? {} : { readDelay }),
  });

/** The record of an origin whose ops up to the reach are compacted away. */
function recordOf(origin: string, all: readonly Op[], reach = 0): OriginRecord {
  const compactedSum = sumOf(all.slice(0, reach));
  return { origin, seq: all.length, sum: sumOf(all), reach, compactedSum };
}

/** A log of one origin. */
interface Given {
  readonly ops: readonly Op[];
  readonly reach?: number;
  /** The rows that go once their sum was read. */
  readonly going?: (op: Op) => boolean;
}

function logWith({ ops, reach = 0, going }: Given): Log {
  const log = logOf(ops.slice(reach));
  if (going !== undefined) log.going = going;
  return log;
}

/** The seq up to which an old log of one origin held the same ops as the cluster. */
async function heldOf(
  old: Given,
  ours: Given,
  more: {
    readonly origin?: string;
    readonly base?: number;
    readonly aside?: Partial<SetAside>;
    readonly canRead?: boolean;
  } = {},
): Promise<number | undefined> {
  const { origin = OWN, base = ours.ops.length, aside = {}, canRead = true } = more;
  const held = await heldOps(
    {
      ...nothingOf(OWN),
      records: new Map([[origin, recordOf(origin, old.ops, old.reach)]]),
      ...aside,
    },
    canRead ? logWith(old) : null,
    { log: logWith(ours), record: () => recordOf(origin, ours.ops, ours.reach) },
    new Map(base === 0 ? [] : [[origin, base]]),
  );
  return held.get(origin);
}

const held = suite('what the cluster holds of a log that was set aside (rule 12)');

held('where the sums agree, all of the log goes on from what the cluster has', async () => {
  const ops = history(OWN, 1, 5);
  assert.is(await heldOf({ ops }, { ops: ops.slice(0, 3) }), 5);
  assert.is(await heldOf({ ops: ops.slice(0, 3) }, { ops }), 3);
  assert.is(await heldOf({ ops }, { ops }), 5);
});

held('of an origin that the cluster lacks, nothing', async () => {
  const ops = history(OWN, 1, 5);
  assert.is(await heldOf({ ops }, { ops }, { base: 0 }), 0);
});

held('up to the fork, where one is', async () => {
  const ops = history(OWN, 1, 5);
  for (const fork of [0, 1, 3]) {
    const others = [...ops.slice(0, fork), ...otherOps(OWN, fork + 1, 5)];
    assert.is(await heldOf({ ops }, { ops: others }), fork);
  }
});

held('a fork is found many rows later', async () => {
  const ops = history(OWN, 1, 1200);
  const others = [...ops.slice(0, 1100), ...otherOps(OWN, 1101, 1200)];
  assert.is(await heldOf({ ops }, { ops: others }), 1100);
});

held('above the reach of either log a fork is found too', async () => {
  const ops = history(OWN, 1, 6);
  const others = [...ops.slice(0, 4), ...otherOps(OWN, 5, 6)];
  assert.is(await heldOf({ ops, reach: 3 }, { ops: others }), 4);
  assert.is(await heldOf({ ops }, { ops: others, reach: 3 }), 4);
  assert.is(await heldOf({ ops, reach: 2 }, { ops: others, reach: 4 }), 4);
});

const SOUND = { state: 'sound', openedAtSeq: 3 } as const;

held(
  'where the fork is compacted away, an own op counts as held from before the start',
  async () => {
    const ops = history(OWN, 1, 6);
    const others = [ops[0] as Op, ...otherOps(OWN, 2, 6)];
    for (const [old, ours] of [
      [{ ops, reach: 4 }, { ops: others }],
      [{ ops }, { ops: others, reach: 4 }],
    ] as const) {
      assert.is(await heldOf(old, ours, { aside: SOUND }), 3);
      assert.is(await heldOf(old, ours, { aside: SOUND, base: 2 }), 2);
    }
  },
);

held('of a log that is not sound, only what is stable as well', async () => {
  const ops = history(OWN, 1, 6);
  const others = { ops: otherOps(OWN, 1, 6), reach: 4 };
  for (const [stableSeq, expected] of [
    [2, 2],
    [5, 3],
  ] as const) {
    const aside = { ...SOUND, state: 'forked', stable: new Map([[OWN, stableSeq]]) } as const;
    assert.is(await heldOf({ ops }, others, { aside }), expected);
  }
});

held('of an origin of others, all that the cluster has', async () => {
  const ops = history(PEER, 1, 6);
  const others = { ops: otherOps(PEER, 1, 5), reach: 4 };
  assert.is(await heldOf({ ops }, others, { origin: PEER, aside: SOUND }), 5);
});

held('a log that nobody can read is held as far as the sum of all of it tells', async () => {
  const ops = history(OWN, 1, 5);
  const unread = { canRead: false, aside: SOUND };
  assert.is(await heldOf({ ops }, { ops }, unread), 5);
  assert.is(await heldOf({ ops }, { ops: ops.slice(0, 4) }, unread), 3);
  assert.is(await heldOf({ ops }, { ops: otherOps(OWN, 1, 5) }, unread), 3);
});

held('what this node has not pulled yet proves nothing', async () => {
  const ops = history(OWN, 1, 5);
  assert.is(await heldOf({ ops }, { ops: ops.slice(0, 4) }, { base: 5, aside: SOUND }), 3);
});

held('a sum from whose rows some went while it was read proves nothing', async () => {
  const ops = history(OWN, 1, 5);
  let reach = 0;
  const read = await heldOps(
    { ...nothingOf(OWN), ...SOUND, records: new Map([[OWN, recordOf(OWN, ops.slice(0, 4))]]) },
    logOf(ops.slice(0, 4)),
    {
      log: logOf(ops, async () => {
        reach = 5;
      }),
      record: () => recordOf(OWN, ops, reach),
    },
    new Map([[OWN, 5]]),
  );
  assert.is(read.get(OWN), 3);
});

held('rows that go meanwhile end what is proved', async () => {
  const ops = history(OWN, 1, 5);
  const forked = [...ops.slice(0, 4), ...otherOps(OWN, 5, 5)];
  const isThird = ({ seq }: Op): boolean => seq === 3;
  const isLate = ({ seq }: Op): boolean => seq > 3;
  assert.is(await heldOf({ ops }, { ops: forked }), 4);
  assert.is(await heldOf({ ops, going: isThird }, { ops: forked }), 2);
  assert.is(await heldOf({ ops }, { ops: forked, going: isThird }), 2);
  assert.is(await heldOf({ ops }, { ops: forked, going: isLate }), 3);
  assert.is(await heldOf({ ops, going: isThird }, { ops: forked, going: isThird }), 2);
});

held.run();
