/** Points, and the map as it was at each: held against what a real replica showed then. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryLog } from '../../../src/log/memory.ts';
import { entriesOf, entriesOfKeys, entryAt, liveAt } from '../../../src/log/tools/entriesAt.ts';
import {
  BeforeCutError,
  cutOf,
  type Moment,
  momentNow,
  momentOf,
  PointNotHeldError,
} from '../../../src/log/tools/moment.ts';
import { MalformedPointError, type Point, parsePoint } from '../../../src/log/tools/point.ts';
import { Walk } from '../../../src/log/tools/walk.ts';
import { NOTHING_CLOSED } from '../../../src/words/closed.ts';
import { encodeCursor, encodeToken } from '../../../src/words/cursor.ts';
import { SettingError } from '../../../src/words/errors.ts';
import { NO_EXPIRIES } from '../../../src/words/expiryMark.ts';
import { ZERO } from '../../../src/words/hash.ts';
import { compareKeys } from '../../../src/words/keyOrder.ts';
import { formatOpId } from '../../../src/words/op.ts';
import { MemorySource } from './memorySource.ts';
import {
  memoryLog,
  ORIGINS,
  type Shown,
  START_MS,
  type Step,
  story,
  type Told,
  tell,
} from './stories.ts';

const points = suite('points');

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);

points('a time is RFC 3339, or so long before now', () => {
  const timeOf = (text: string) => {
    const point = parsePoint(text, NOW);
    return point.kind === 'time' || point.kind === 'now' ? point.atMs : undefined;
  };
  assert.is(timeOf('2026-11-24T10:00:00Z'), NOW - 2 * 3_600_000);
  assert.is(timeOf('2026-11-24t10:00:00.25z'), NOW - 2 * 3_600_000 + 250);
  assert.is(timeOf('2026-11-24 12:00+02:00'), NOW - 2 * 3_600_000);
  assert.is(timeOf('2026-11-24T08:30:00-01:30'), NOW - 2 * 3_600_000);
  assert.is(timeOf('now'), NOW);
  for (const [text, ms] of [
    ['-250ms', 250],
    ['-10s', 10_000],
    ['now-10m', 600_000],
    ['-2h', 7_200_000],
    ['-1d', 86_400_000],
  ] as const)
    assert.is(timeOf(text), NOW - ms, text);
});

points('an lsn and a cursor', () => {
  assert.equal(parsePoint('lsn:123', NOW), { kind: 'lsn', lsn: 123 });
  const cursor = {
    cluster: 'c1',
    vector: new Map([['n.a', 3]]),
    closed: NOTHING_CLOSED,
    told: NO_EXPIRIES,
    state: null,
  };
  assert.equal(parsePoint(encodeCursor(cursor), NOW), { kind: 'cursor', cursor });
  const closed = { count: 1, sum: ZERO };
  assert.throws(
    () => parsePoint(encodeCursor({ ...cursor, closed }), NOW),
    /leaves closed logs out/,
  );
});

points('what is no point is refused in one sentence that says what is', () => {
  for (const text of [
    '',
    'yesterday',
    '10',
    'lsn:',
    'lsn:-1',
    '2026-11-24',
    '2026-02-30T00:00:00Z',
    '2026-11-24T25:00:00Z',
    '2026-11-24T10:00:00',
    '-10',
    '-10y',
    '+10m',
    'x'.repeat(5000),
  ])
    assert.throws(
      () => parsePoint(text, NOW),
      (error: unknown) =>
        error instanceof MalformedPointError &&
        error instanceof SettingError &&
        /^"[^\n]*" is no point in a log \([^\n]+\): name a time .*lsn.*cursor\.$/.test(
          error.message,
        ) &&
        error.message.length < 300,
    );
});

points('a bare number is told how an lsn is written', () => {
  assert.throws(
    () => parsePoint('10', NOW),
    (error: unknown) => error instanceof MalformedPointError && /lsn:10\)/.test(error.message),
  );
});

points.run();

const past = suite('the map as it was');

const sourceOf = ({ log, nowMs }: Told): MemorySource => {
  if (!(log instanceof MemoryLog)) throw new Error('The story was told to another log.');
  return new MemorySource(log.stored(), nowMs);
};

async function liveIds(source: MemorySource, moment: Moment): Promise<Map<string, string>> {
  const lsns = await liveAt(source, moment, new Walk(0, (await source.facts()).lastLsn));
  const ids = new Map<string, string>();
  for await (const page of entriesOf(source, lsns))
    for (const { op } of page) ids.set(op.key, formatOpId(op));
  return ids;
}

/** The entries shown last at the time, or at the lsn. */
function lastOf(shown: readonly Shown[], by: 'atMs' | 'lsn'): Shown[] {
  const last = new Map(shown.map((one) => [one[by], one]));
  return [...last.values()];
}

/** At the first moment of an lsn: later, more may have expired. */
function firstOf(shown: readonly Shown[]): Shown[] {
  const first = new Map<number, Shown>();
  for (const one of shown) if (!first.has(one.lsn)) first.set(one.lsn, one);
  return [...first.values()];
}

async function isAsShown(
  source: MemorySource,
  point: Point,
  shown: Shown,
  cutAt: number,
): Promise<void> {
  const facts = await source.facts();
  const moment = await momentOf(source, facts, point);
  const ids = await liveIds(source, moment);
  assert.equal(
    new Map([...ids].sort()),
    new Map([...shown.live].sort()),
    JSON.stringify({ point, cutAt }),
  );
  assert.equal([...ids.keys()], [...ids.keys()].sort(compareKeys), 'in order of keys');
  for (const key of ['a', 'user:1', 'none']) {
    const entry = await entryAt(source, moment, new Walk(0, facts.lastLsn), key);
    assert.is(entry && formatOpId(entry.op), shown.live.get(key), key);
  }
}

past('at every time and every lsn it is what the replica showed', async () => {
  await fc.assert(
    fc.asyncProperty(story(false), async (steps) => {
      const told = await tell(steps, memoryLog(ORIGINS[0]));
      const source = sourceOf(told);
      for (const shown of lastOf(told.shown, 'atMs'))
        await isAsShown(source, { kind: 'time', atMs: shown.atMs }, shown, 0);
      for (const shown of firstOf(told.shown)) {
        // The story may have waited before it looked at an lsn.
        const row = source.rowsOfLog.find(({ lsn }) => lsn === shown.lsn);
        if (row?.committedAt === shown.atMs)
          await isAsShown(source, { kind: 'lsn', lsn: shown.lsn }, shown, 0);
      }
    }),
    { numRuns: 60 },
  );
});

past(
  'the values of many keys are read only if they fit together, each as often as it is asked for',
  async () => {
    const put = (key: string, value: string): Step => ({
      kind: 'write',
      node: 0,
      request: { kind: 'put', key, version: 'next', ttlMs: null, value, meta: null },
    });
    const long = JSON.stringify('x'.repeat(98));
    const told = await tell([put('a', long), put('a', '1'), put('b', long)], memoryLog(ORIGINS[0]));
    const source = sourceOf(told);
    const facts = await source.facts();
    const moment = momentNow(facts);
    const read = (keys: readonly string[], maxBytes: number) =>
      entriesOfKeys(source, moment, new Walk(0, facts.lastLsn), keys, maxBytes);
    // Keys of one byte, values of 1 and of 100.
    assert.equal([...((await read(['a', 'b', 'none'], 103))?.keys() ?? [])], ['a', 'b']);
    assert.is((await read(['a', 'a', 'b'], 105))?.get('b')?.op.value, long);
    source.rowsAt = () => Promise.reject(new Error('a value is read'));
    assert.is(await read(['a', 'b'], 102), null);
    assert.is(await read(['b', 'b'], 201), null);
  },
);

past('now is the end of the log, although the clock was ahead and went back', async () => {
  const hourMs = 3_600_000;
  const request = {
    kind: 'put',
    key: 'a',
    version: 'next',
    ttlMs: null,
    value: '1',
    meta: null,
  } as const;
  const told = await tell(
    [
      { kind: 'wait', ms: hourMs },
      { kind: 'write', node: 0, request },
      { kind: 'wait', ms: -hourMs },
    ],
    memoryLog(ORIGINS[0]),
  );
  const [last] = told.shown.slice(-1);
  assert.is(last?.live.size, 1);
  if (last !== undefined) await isAsShown(sourceOf(told), parsePoint('now', told.nowMs), last, 0);
});

past('a log that was never compacted knows every time, also one before 1970', async () => {
  const told = await tell([{ kind: 'exchange', to: 0 }], memoryLog(ORIGINS[0]));
  const source = sourceOf(told);
  const moment = await momentOf(source, await source.facts(), { kind: 'time', atMs: -1 });
  assert.equal([...(await liveIds(source, moment))], []);
});

/** So that something is forgotten in every run. */
const FORGETTING: readonly Step[] = [
  { kind: 'exchange', to: 0 },
  { kind: 'exchange', to: 1 },
  { kind: 'collect' },
  { kind: 'compact', retentionMs: 20 },
];

past(
  'after compaction it still is, from the cut on; before the cut it is refused by name',
  async () => {
    let refused = 0;
    let compacted = 0;
    await fc.assert(
      fc.asyncProperty(story(true), async (steps) => {
        const told = await tell([...steps, ...FORGETTING], memoryLog(ORIGINS[0]));
        const source = sourceOf(told);
        const cutAt = cutOf(await source.facts());
        compacted += told.compacted;
        for (const shown of lastOf(told.shown, 'atMs')) {
          const point: Point = { kind: 'time', atMs: shown.atMs };
          if (shown.atMs >= cutAt) {
            await isAsShown(source, point, shown, cutAt);
            continue;
          }
          refused++;
          await isRefused(source, point);
        }
        for (const { lsn, atMs } of told.shown) {
          const next = source.rowsOfLog.find((row) => row.lsn > lsn);
          if (next !== undefined && next.committedAt <= cutAt && atMs < cutAt)
            await isRefused(source, { kind: 'lsn', lsn });
        }
        const now = await liveIds(source, momentNow(await source.facts()));
        assert.equal(
          new Map([...now].sort()),
          new Map([...(told.shown.at(-1)?.live ?? [])].sort()),
        );
      }),
      { numRuns: 120 },
    );
    assert.ok(
      refused > 20 && compacted > 20,
      `${refused} points refused, ${compacted} rows compacted`,
    );
  },
);

async function isRefused(source: MemorySource, point: Point): Promise<void> {
  const facts = await source.facts();
  try {
    await momentOf(source, facts, point);
  } catch (error) {
    assert.instance(error, BeforeCutError);
    const { message } = error as BeforeCutError;
    assert.match(
      message,
      /the test log was compacted up to 2026-01-15T12:\d\d:\d\d\.\d{3}Z: .*name a later point\.$/,
    );
    return;
  }
  assert.unreachable(`${JSON.stringify(point)} is before the cut`);
}

past('a cursor means the first state that held all it stands for', async () => {
  const told = await tell(
    [
      { kind: 'write', node: 0, request: putOf('a', 1) },
      { kind: 'write', node: 1, request: putOf('b', 1) },
      { kind: 'wait', ms: 10 },
      { kind: 'exchange', to: 0 },
      { kind: 'wait', ms: 10 },
      { kind: 'write', node: 0, request: putOf('a', 2) },
    ],
    memoryLog(ORIGINS[0]),
  );
  const source = sourceOf(told);
  const atToken = async (origin: string, seq: number) => {
    const point = parsePoint(encodeToken('c1', { origin, seq }), told.nowMs);
    return [
      ...(await liveIds(source, await momentOf(source, await source.facts(), point))).values(),
    ];
  };
  assert.equal(await atToken(ORIGINS[0], 3), ['node1.aaaaaa/3']);
  assert.equal(await atToken(ORIGINS[1], 1), ['node1.aaaaaa/3', 'node2.bbbbbb/1']);
  assert.equal(await atToken(ORIGINS[0], 4), ['node1.aaaaaa/4', 'node2.bbbbbb/1']);
});

const putOf = (key: string, version: number, ttlMs: number | null = null) =>
  ({ kind: 'put', key, version, ttlMs, value: '1', meta: null }) as const;

past('a cursor tells what had expired for its holder', async () => {
  const told = await tell(
    [
      { kind: 'write', node: 0, request: putOf('a', 1, 100) },
      { kind: 'wait', ms: 500 },
    ],
    memoryLog(ORIGINS[0]),
  );
  const source = sourceOf(told);
  const facts = await source.facts();
  const cursorTo = (untilMs: number): Point => ({
    kind: 'cursor',
    cursor: {
      cluster: 'c1',
      vector: new Map([[ORIGINS[0], 3]]),
      closed: NOTHING_CLOSED,
      told: { untilMs, upTo: null },
      state: null,
    },
  });
  const keysAt = async (untilMs: number) => [
    ...(await liveIds(source, await momentOf(source, facts, cursorTo(untilMs)))).keys(),
  ];
  assert.equal(await keysAt(START_MS + 50), ['a']);
  assert.equal(await keysAt(START_MS + 101), []);
});

past('what the log does not hold is refused', async () => {
  const told = await tell(
    [{ kind: 'write', node: 0, request: putOf('a', 1) }],
    memoryLog(ORIGINS[0]),
  );
  const source = sourceOf(told);
  const facts = await source.facts();
  const refuses = async (point: Point, reason: RegExp): Promise<void> => {
    const error = await momentOf(source, facts, point).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.instance(error, PointNotHeldError);
    assert.match((error as Error).message, reason);
  };
  await refuses({ kind: 'lsn', lsn: 99 }, /ends at lsn 3, before 99/);
  const future = { kind: 'time', atMs: Date.UTC(2100, 0, 1) } as const;
  await refuses(future, /^The time 2100-01-01T00:00:00.000Z is in the future: /);
  const cursor = (cluster: string, seq: number): Point =>
    parsePoint(encodeToken(cluster, { origin: ORIGINS[0], seq }), 0);
  await refuses(cursor('c2', 1), /is of the cluster c2, but the log the test log is of c1/);
  await refuses(cursor('c1', 9), /lacks 6 ops that the cursor covers/);
});

past.run();
