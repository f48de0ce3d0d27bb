/** Replicas on a log in memory, with a clock, a disk and limits that a test sets. */

import type { Commit } from '../../src/log/log.ts';
import { MemoryLog, type StoredLog } from '../../src/log/memory.ts';
import type { QueueTimes } from '../../src/replica/commitQueue.ts';
import type { Opening } from '../../src/replica/opening.ts';
import { Replica } from '../../src/replica/replica.ts';
import type { Delta } from '../../src/words/delta.ts';
import type { Hash } from '../../src/words/hash.ts';
import { defaultLimits, type Limits } from '../../src/words/limits.ts';
import type { DeleteRequest, PutRequest } from '../../src/words/requests.ts';
import type { Tracer } from '../../src/words/trace.ts';
import { newEntries } from './entries.ts';
import { history, sumOf } from './ops.ts';

/** A log that tells what it is asked for. */
export class TestLog extends MemoryLog {
  readonly commits: Commit[] = [];
  sumsRead = 0;
  /** How often it was asked whether an append has ended in the turn. */
  endsAskedFor = 0;

  override append(commit: Commit): Promise<void> {
    this.commits.push(commit);
    return super.append(commit);
  }

  settleEnded(): boolean {
    this.endsAskedFor++;
    return false;
  }

  override sumBetween(origin: string, after: number, upTo: number): Promise<Hash> {
    this.sumsRead++;
    return super.sumBetween(origin, after, upTo);
  }
}

/** Something that can be made to wait. */
class Gate {
  #closed: Promise<void> | null = null;

  /** @returns what opens it again. */
  readonly hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    return () => {
      this.#closed = null;
      resolve();
    };
  };

  readonly pass = async (): Promise<void> => {
    await this.#closed;
  };
}

export interface TestReplica {
  readonly replica: Replica;
  readonly log: TestLog;
  /** UTC milliseconds; may be set. */
  readonly clock: { nowMs: number };
  /** From now on appends wait. @returns what lets them go on. */
  readonly holdDisk: () => () => void;
  /** From now on reads of the log wait. @returns what lets them go on. */
  readonly holdReads: () => () => void;
}

export interface TestReplicaOptions {
  readonly nodeId?: string;
  readonly nowMs?: number;
  readonly limits?: Partial<Limits>;
  readonly stored?: StoredLog;
  /** Bytes of the map above which values are dropped. */
  readonly maxMemory?: number | null;
  readonly opening?: Opening;
  readonly tracer?: Tracer;
  readonly times?: QueueTimes;
}

export async function openReplica({
  nodeId = 'node1',
  nowMs = 1_795_000_000_000,
  limits = {},
  stored,
  maxMemory = null,
  opening,
  tracer,
  times,
}: TestReplicaOptions = {}): Promise<TestReplica> {
  const clock = { nowMs };
  const [appends, reads] = [new Gate(), new Gate()];
  const log = new TestLog({
    clusterName: 'hearsay',
    newOrigin: () => `${nodeId}.aaaaaa`,
    commitDelay: appends.pass,
    readDelay: reads.pass,
    ...(stored === undefined ? {} : { stored }),
  });
  const replica = await Replica.open({
    nodeId,
    log,
    place: 'the test log',
    clock: () => clock.nowMs,
    limits: { ...defaultLimits, ...limits },
    entries: newEntries(maxMemory),
    ...(opening === undefined ? {} : { opening }),
    ...(tracer === undefined ? {} : { tracer }),
    ...(times === undefined ? {} : { times }),
  });
  return { replica, log, clock, holdDisk: appends.hold, holdReads: reads.hold };
}

export const putting = (key: string, fields: Partial<PutRequest> = {}): PutRequest => ({
  kind: 'put',
  key,
  version: 1,
  ttlMs: null,
  value: '1',
  meta: null,
  ...fields,
});

export const deleting = (key: string, upToVersion: number | null = null): DeleteRequest => ({
  kind: 'delete',
  key,
  upToVersion,
});

/** A peer that exists only by its ops. */
export const PEER = 'node2.bbbbbb';

/** The peer's delta of its history, after `after` up to `to`. */
export function deltaOf(after: number, to: number): Delta {
  const ops = history(PEER, 1, to);
  return { ranges: [{ origin: PEER, after, to, sum: sumOf(ops) }], ops: ops.slice(after) };
}

/** Everything that a replica keeps of its log, for comparison with one that must keep the same. */
export const stateOf = (replica: Replica) => ({
  entries: [...replica.map.entries()].sort((a, b) => (a.key < b.key ? -1 : 1)),
  records: [...replica.vector.keys()].sort().map((origin) => replica.record(origin)),
  mapSum: replica.mapSum(0),
  lastLsn: replica.lastLsn,
  header: replica.header,
});

/** Goes on once everything that is already due has run, without waiting for time to pass. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
