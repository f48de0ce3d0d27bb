/** Nodes that offer the ops of a log that was set aside (rule 12). */
import type { AskJudge, JudgedOp } from '../../src/replica/judgement.ts';
import { type OfferOptions, offerAgain } from '../../src/replica/offer.ts';
import type { Replica } from '../../src/replica/replica.ts';
import { setAside } from '../../src/replica/setAside.ts';
import { memberValue } from '../../src/rules/members.ts';
import { carriedHash } from '../../src/words/hash.ts';
import type { GivenUp } from '../../src/words/row.ts';
import { deleting, openReplica, putting, type TestReplica } from '../support/replicas.ts';

export const NOW = 1_795_000_000_000;
const CLUSTER = 'the cluster';

/** A node of the cluster, with an origin of its own. */
export async function member(nodeId: string, nowMs = NOW): Promise<TestReplica> {
  const test = await openReplica({ nodeId, nowMs });
  await test.replica.membership.form(CLUSTER, memberValue(nodeId, null));
  return test;
}

/** Takes in all that the other holds and this one lacks, but for origins that it has other ops of. */
export async function pull(to: Replica, from: Replica): Promise<void> {
  for (const [origin, seq] of from.vector) {
    const after = to.record(origin).seq;
    if (after >= seq) continue;
    const ops = await from.log.opsAfter(origin, after, { maxRows: 1000, maxBytes: 1_000_000 });
    const { sum } = from.record(origin);
    await to.receive({ ranges: [{ origin, after, to: seq, sum }], ops });
  }
}

export const SOUND: GivenUp = { state: 'sound', openedAtSeq: 0, hadOthers: true };

/** Offers the old node's map to the new one. @returns what was noted, and whether all is decided. */
export async function offer(
  to: TestReplica,
  old: TestReplica,
  more: Partial<OfferOptions> & { readonly why?: GivenUp } = {},
): Promise<{ notes: string[]; isDecided: boolean }> {
  const notes: string[] = [];
  const { why = SOUND, ...options } = more;
  const isDecided = await offerAgain({
    replica: to.replica,
    life: to.replica.log,
    aside: setAside(old.replica, 'old', why),
    old: old.log,
    base: new Map(to.replica.vector),
    peers: [],
    leavesOut: false,
    maxClockSkewMs: 1000,
    note: (_level, text) => notes.push(text),
    ...options,
  });
  return { notes, isDecided };
}

export const show = (replica: Replica): string[] =>
  [...replica.map.entries()]
    .map(({ key, kind, generation, version }) => `${key}: ${kind} ${generation}/${version}`)
    .sort();

/** A node that has written, was sealed, and has written more; and the one that it became. */
export async function sealed(): Promise<{ old: TestReplica; cluster: TestReplica }> {
  const old = await member('node1');
  await old.replica.submit([putting('a'), putting('b'), putting('c', { version: 5 })]);
  const cluster = await member('node2');
  await pull(cluster.replica, old.replica);
  return { old, cluster };
}

/** The cluster has collected and compacted other keys meanwhile: its horizon is above the lost op. */
export async function forgetful(): Promise<{ old: TestReplica; cluster: TestReplica }> {
  const { old, cluster } = await sealed();
  await old.replica.submit([putting('n')]);
  await cluster.replica.submit([putting('gone'), deleting('gone'), putting('last')]);
  const vector = new Map(cluster.replica.vector);
  await cluster.replica.forgetting.collect({ vector, clock: NOW }, 100);
  const rows = (await cluster.log.headsAfter(0, 100))
    .filter(({ key }) => key === 'gone')
    .map((head) => ({ lsn: head.lsn, seq: head.seq, hash: carriedHash(head) }));
  const origin = cluster.replica.origin;
  await cluster.replica.forgetting.removeRows(new Map([[origin, rows]]), { cutAtMs: NOW });
  return { old, cluster };
}

export const page = (
  ops: readonly JudgedOp[],
  isComplete: boolean,
  cutAtMs: number | null = NOW,
): AskJudge => {
  return async () => ({ ops, next: null, isComplete, cutAtMs });
};

export const LATER: JudgedOp = {
  key: 'n',
  kind: 'delete',
  generation: 0,
  version: Number.MAX_SAFE_INTEGER,
  hlc: 1,
  origin: 'node3.cccccc',
  seq: 9,
};
