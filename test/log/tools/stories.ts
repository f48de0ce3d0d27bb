/**
 * Random histories of two real replicas that write, exchange ops, forget and compact. The first one's
 * log is what the tools are tried on, and what it showed at every moment is what they must tell.
 */
import fc from 'fast-check';
import type { Log } from '../../../src/log/log.ts';
import { MemoryLog } from '../../../src/log/memory.ts';
import { Compactor } from '../../../src/replica/compact.ts';
import { Replica } from '../../../src/replica/replica.ts';
import type { Delta } from '../../../src/words/delta.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { formatOpId } from '../../../src/words/op.ts';
import type { Request } from '../../../src/words/requests.ts';
import { includes, raise, seqOf } from '../../../src/words/vector.ts';
import { newEntries } from '../../support/entries.ts';

/** Long past, so that what compacts by the real clock finds everything old. */
export const START_MS = Date.UTC(2026, 0, 15, 12);

export type Step =
  | { readonly kind: 'write'; readonly node: 0 | 1; readonly request: Request }
  | { readonly kind: 'exchange'; readonly to: 0 | 1 }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'collect' }
  | { readonly kind: 'compact'; readonly retentionMs: number };

/** The value of raw bytes, as the log has it. */
const rawText = (base64: string): string => `{"bytes":"${base64}","type":"image/png"}`;

const node = fc.constantFrom<0 | 1>(0, 1);
const key = fc.constantFrom('a', 'b', 'user:1', 'user:2', '\u{1f600}');
const ttlMs = fc.oneof(fc.constant(null), fc.constantFrom(1, 50, 1000, 100_000));
const content = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      value: fc.constantFrom('1', '{"a": 1}', '"\u{1f600}"', '[1,\n2]', '12345678901234567890'),
      meta: fc.constantFrom(null, null, '{"values":["Date"]}'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      value: fc.constantFrom(rawText(''), rawText('AAEC/w==')),
      meta: fc.constant('"bytes"'),
    }),
  },
);
const put: fc.Arbitrary<Request> = fc
  .record({
    kind: fc.constant('put' as const),
    key,
    version: fc.oneof(fc.constant('next' as const), fc.integer({ min: 0, max: 5 })),
    ttlMs,
    content,
  })
  .map(({ content: ofValue, ...request }) => ({ ...request, ...ofValue }));
const touch: fc.Arbitrary<Request> = fc.record({ kind: fc.constant('touch' as const), key, ttlMs });
const remove: fc.Arbitrary<Request> = fc.record({
  kind: fc.constant('delete' as const),
  key,
  upToVersion: fc.constantFrom(null, null, 3),
});

const write = fc.record({
  kind: fc.constant('write' as const),
  node,
  request: fc.oneof(
    { weight: 4, arbitrary: put },
    { weight: 1, arbitrary: touch },
    { weight: 1, arbitrary: remove },
  ),
});
const wait = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.constantFrom(1, 10, 60, 1500),
});
const exchange = fc.record({ kind: fc.constant('exchange' as const), to: node });
const forget = fc.oneof(
  fc.constant({ kind: 'collect' as const }),
  fc.record({ kind: fc.constant('compact' as const), retentionMs: fc.constantFrom(0, 20, 1000) }),
);

/** @param forgets whether rows are collected and compacted too. */
export const story = (forgets: boolean, maxLength = 40): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof<fc.Arbitrary<Step>[]>(
      write,
      write,
      write,
      exchange,
      wait,
      ...(forgets ? [forget] : []),
    ),
    // Short ones forget nothing: there is nothing yet.
    { minLength: 1, maxLength, size: 'max' },
  );

/** The live entries that the first replica showed: key → op id. */
export interface Shown {
  readonly atMs: number;
  readonly lsn: number;
  readonly live: ReadonlyMap<string, string>;
}

export interface Told {
  readonly replicas: readonly [Replica, Replica];
  /** That of the first replica. */
  readonly log: Log;
  readonly shown: readonly Shown[];
  readonly nowMs: number;
  /** Rows that compaction removed. */
  readonly compacted: number;
}

const ALL = { maxRows: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER };
export const ORIGINS = ['node1.aaaaaa', 'node2.bbbbbb'] as const;

export const memoryLog = (origin: string): MemoryLog =>
  new MemoryLog({ clusterName: 'hearsay', newOrigin: () => origin });

/** @param log the first replica's; opened empty. */
export async function tell(steps: readonly Step[], log: Log): Promise<Told> {
  const clock = { nowMs: START_MS };
  const replicas = [
    await open('node1', log, clock),
    await open('node2', memoryLog(ORIGINS[1]), clock),
  ] as const;
  await replicas[0].membership.form('c1', '{"nodeId":"node1","url":null}');
  await replicas[0].membership.admit(ORIGINS[1], '{"nodeId":"node2","url":null}');
  await send(replicas[0], replicas[1]);
  await replicas[1].membership.welcome('c1', ORIGINS[0], START_MS);
  for (const replica of replicas) replica.readiness.allowWrites();
  const shown: Shown[] = [];
  let compacted = 0;
  for (const step of steps) {
    compacted += await take(step, replicas, clock);
    shown.push(shownBy(replicas[0], clock.nowMs));
  }
  return { replicas, log, shown, nowMs: clock.nowMs, compacted };
}

const open = (nodeId: string, log: Log, clock: { nowMs: number }): Promise<Replica> =>
  Replica.open({
    nodeId,
    log,
    place: nodeId,
    clock: () => clock.nowMs,
    limits: defaultLimits,
    entries: newEntries(),
  });

async function take(
  step: Step,
  replicas: readonly [Replica, Replica],
  clock: { nowMs: number },
): Promise<number> {
  switch (step.kind) {
    case 'write':
      await replicas[step.node].submit([step.request]);
      return 0;
    case 'exchange':
      await send(replicas[step.to === 0 ? 1 : 0], replicas[step.to]);
      return 0;
    case 'wait':
      clock.nowMs += step.ms;
      return 0;
    case 'collect':
      for (const replica of replicas) await collect(replica, replicas);
      return 0;
    case 'compact':
      return (await new Compactor(replicas[0], step.retentionMs).run()).rows;
  }
}

async function send(from: Replica, to: Replica): Promise<void> {
  const delta: { ranges: Delta['ranges'][number][]; ops: Delta['ops'][number][] } = {
    ranges: [],
    ops: [],
  };
  for (const [origin, seq] of from.vector) {
    const after = seqOf(to.vector, origin);
    if (after >= seq) continue;
    delta.ranges.push({ origin, after, to: seq, sum: from.record(origin).sum });
    delta.ops.push(...(await from.log.opsAfter(origin, after, ALL)));
  }
  if (delta.ranges.length > 0) await to.receive(delta);
}

/** Rule 9: only what every member holds, and only where nothing older of theirs is still under way. */
async function collect(replica: Replica, all: readonly Replica[]): Promise<void> {
  if (!all.every((other) => includes(replica.vector, other.vector))) return;
  const vector = new Map(replica.header.stable);
  for (const [origin, seq] of replica.vector)
    raise(vector, origin, Math.min(seq, ...all.map((other) => seqOf(other.vector, origin))));
  const { horizon } = all.reduce(
    (most, { header }) => (header.horizon > most.horizon ? header : most),
    replica.header,
  );
  replica.forgetting.raiseHorizon(horizon);
  replica.sweep(1000);
  await replica.forgetting.collect({ vector, clock: replica.nowMs() }, 1000);
}

function shownBy(replica: Replica, atMs: number): Shown {
  const live = new Map<string, string>();
  for (const { key: name } of replica.map.entries()) {
    const entry = replica.map.live(name, atMs);
    if (entry !== undefined) live.set(name, formatOpId(entry));
  }
  return { atMs, lsn: replica.lastLsn, live };
}
