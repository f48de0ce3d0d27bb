/**
 * A node of two, with its border, its core and its log, that a stream of wrong messages meets while it
 * serves. They come from a peer that had itself let in.
 */
import * as assert from 'uvu/assert';
import { encodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { verify } from '../../../src/log/tools/verify.ts';
import { add, carriedHash, ZERO } from '../../../src/words/hash.ts';
import type { Op } from '../../../src/words/op.ts';
import { seeded } from '../../../src/words/random.ts';
import { MemorySource } from '../../log/tools/memorySource.ts';
import { below, messageTexts } from '../../support/brokenTexts.ts';
import { helloOf, NOW } from '../../support/cores.ts';
import { ORIGINS } from '../../support/generators.ts';
import { put } from '../../support/ops.ts';
import { putting } from '../../support/replicas.ts';
import { Stage } from '../transcripts/stage.ts';

/** The peer, as it calls itself. */
const [, , ORIGIN] = ORIGINS;
const MESSAGES_A_ROUND = 100;
const ROUND_MS = 100;
/** Those that are open at one time; a fault ends one, and another begins. */
const CONNECTIONS = 4;
/** Beside those of connections that are there, a border remembers this many peers. */
const MOST_FAULTS_NAMED = 1024;

export interface Fuzzed {
  readonly faults: number;
  readonly opsReceived: number;
  readonly rejoins: number;
}

/**
 * @param messages how many are sent.
 * @throws AssertionError where a client's answer is not as without them, or the log does not verify.
 */
export async function fuzzNode(messages: number, seed: number): Promise<Fuzzed> {
  const random = seeded(seed);
  const nextText = messageTexts(random, seed);
  const stage = new Stage('a stream of wrong messages');
  return stage.quietly(async () => {
    const node = await stage.start('node4');
    await stage.pass(1000);
    await stage.start('node5');
    await stage.pass(1000);
    const { transport, driver, replica } = node;
    const open = new Set<number>();
    transport.close = (connection) => open.delete(connection);
    let last = 1_000_000;
    const begin = (): void => {
      last++;
      const address = `10.${(last >> 16) & 255}.${(last >> 8) & 255}.${last & 255}`;
      open.add(last);
      transport.tell({ kind: 'opened', connection: last, dialledUrl: null, address });
      const { clusterId, facts } = replica.header;
      const hello = helloOf(ORIGIN, {
        clusterId,
        formedAt: facts.formedAtMs ?? 0,
        admittedBy: replica.origin,
        clock: replica.nowMs(),
      });
      for (const text of [encodeMessage(hello), firstDigest(replica.nowMs())])
        transport.tell({ kind: 'message', connection: last, text });
    };
    const nextPush = rightPushes();
    let written = 0;
    for (let sent = 0; sent < messages; sent++) {
      if (open.size < CONNECTIONS) begin();
      const connection = [...open][below(random, open.size)] ?? last;
      const text = sent % MESSAGES_A_ROUND === 0 ? nextPush() : nextText();
      transport.tell({ kind: 'message', connection, text });
      if (sent % MESSAGES_A_ROUND !== 0) continue;
      await stage.pass(ROUND_MS);
      if (!replica.readiness.isWritable) continue;
      const value = JSON.stringify(`${++written}`);
      await node.write(putting('of a client', { value, version: 'next' }));
      const outcome = replica.get('of a client');
      assert.is(outcome.kind === 'found' ? outcome.entry.value : outcome.kind, value);
    }
    for (let rounds = 0; rounds < 1000 && !replica.readiness.isWritable; rounds++)
      await stage.pass(ROUND_MS);
    assert.ok(written > messages / MESSAGES_A_ROUND / 2, `clients were served ${written} times`);
    assert.ok(driver.refusals().length <= MOST_FAULTS_NAMED);
    await replica.recordMapSum(60_000);
    const found = await verify(new MemorySource(node.copyLog(), NOW), { aheadMs: 60_000 });
    assert.equal(found.findings, []);
    const faults = Object.values(driver.conduct.faults).reduce((sum, count) => sum + count, 0);
    const { opsReceived, rejoins } = driver.counts;
    return { faults, opsReceived, rejoins };
  });
}

/** A digest of a peer that holds nothing: before its first one a node takes no ops of a peer that is no member yet. */
export const firstDigest = (clock: number): string =>
  encodeMessage({
    type: 'digest',
    digest: {
      vector: new Map(),
      sums: new Map(),
      retiredSum: null,
      listsRetired: false,
      asOf: Math.floor(clock / 60_000),
      mapSum: ZERO,
      horizon: 0,
      clock,
    },
  });

/**
 * @param last how many ops a push holds at most. Each brings one that is new; with more, it makes up for pushes
 *   before it that went down with their connections.
 * @returns a source of pushes that are right.
 */
export function rightPushes(last = 1): () => string {
  const ops: Op[] = [];
  let seq = 0;
  let sum = ZERO;
  return () => {
    const op = put({ origin: ORIGIN, seq: ++seq, key: `of the peer ${seq % 10}`, version: seq });
    sum = add(sum, carriedHash(op));
    ops.push(op);
    if (ops.length > last) ops.shift();
    const range = { origin: ORIGIN, after: seq - ops.length, to: seq, sum };
    return encodeMessage({ type: 'delta', delta: { ranges: [range], ops }, answer: null });
  };
}
