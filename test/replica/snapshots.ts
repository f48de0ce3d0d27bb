import * as assert from 'uvu/assert';
import { type ChunkEnds, deltaFor } from '../../src/gossip/driver/deltaFor.ts';
import type { Turning } from '../../src/gossip/driver/slices.ts';
import { type SnapshotPart, SnapshotSource } from '../../src/gossip/driver/snapshotSource.ts';
import { decodeOp } from '../../src/gossip/protocol/opCodec.ts';
import type { Replica } from '../../src/replica/replica.ts';
import type { KeyOp } from '../../src/words/op.ts';
import type { SnapshotRow } from '../../src/words/snapshot.ts';
import { whole } from '../support/entries.ts';
import { openReplica, type TestReplica } from '../support/replicas.ts';

export const ORIGIN = 'node1.aaaaaa';
export const ALL = 1_000_000;
export const WIDE = { maxRows: 1000, maxBytes: 1e6 };

/** Nothing else wants the thread, and no time passes. */
export const noPause: Turning = { pause: async () => {}, steadyMs: () => 0 };

export const rowsOf = (part: SnapshotPart): SnapshotRow[] =>
  part.rows.map(({ wire, isEntry }) => ({ op: decodeOp(JSON.parse(wire)), isEntry }));

export const sortedEntries = (replica: Replica): KeyOp[] =>
  [...replica.map.entries()].map(whole).sort((a, b) => (a.key < b.key ? -1 : 1));

/** Opens the node that a snapshot is for; its log holds nothing. */
export const openEmpty = (): Promise<TestReplica> => openReplica({ nodeId: 'node3' });

/** Streams a snapshot. @param between what happens at the sender after each part. */
export async function stream(
  sender: Replica,
  receiver: Replica,
  limit = WIDE,
  between: (part: number) => Promise<unknown> = async () => {},
): Promise<SnapshotPart[]> {
  return streamFrom(new SnapshotSource(sender, limit, noPause), receiver, between);
}

export async function streamFrom(
  source: SnapshotSource,
  receiver: Replica,
  between: (part: number) => Promise<unknown> = async () => {},
): Promise<SnapshotPart[]> {
  const parts: SnapshotPart[] = [];
  for (;;) {
    const part = await source.next();
    assert.ok(part, 'nothing was compacted meanwhile');
    parts.push(part);
    await receiver.incomingSnapshot.takeRows(rowsOf(part));
    if (part.origins !== null) receiver.incomingSnapshot.takeOrigins(part.origins);
    if (part.end !== null) {
      await receiver.incomingSnapshot.finish(part.end);
      return parts;
    }
    await between(parts.length);
  }
}

/** Brings the receiver all that the sender has and it lacks. */
export async function catchUp(sender: Replica, receiver: Replica): Promise<void> {
  const ends: ChunkEnds = new Map();
  for (let more = true; more; ) {
    const { ranges, wireOps, more: goesOn } = await deltaFor(sender, receiver.vector, ends);
    const ops = wireOps.map((wire) => decodeOp(JSON.parse(wire)));
    assert.is((await receiver.receive({ ranges, ops })).kind, 'applied');
    more = goesOn;
  }
}

export async function collect(replica: Replica, behind = 0): Promise<void> {
  const vector = new Map(replica.header.stable);
  for (const [origin, seq] of replica.vector)
    vector.set(origin, Math.max(vector.get(origin) ?? 0, seq - behind));
  replica.sweep(ALL);
  await replica.forgetting.collect({ vector, clock: replica.nowMs() }, ALL);
}

export const afterCrash = ({ log, clock }: TestReplica): Promise<TestReplica> =>
  openReplica({ nodeId: 'node3', stored: log.crash('lost'), nowMs: clock.nowMs });
