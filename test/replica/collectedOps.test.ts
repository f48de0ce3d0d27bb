/** Ops that a log which was set aside had collected come from its rows (rule 12). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collectedOps } from '../../src/replica/collectedOps.ts';
import type { Op } from '../../src/words/op.ts';
import { membership, put, sumOf, tombstone } from '../support/ops.ts';
import { openReplica } from '../support/replicas.ts';

const ORIGIN = 'node2.bbbbbb';

interface Case {
  /** Of one origin, in the order of their arrival. */
  readonly ops: readonly Op[];
  /** Keys of which the map has an entry. */
  readonly entries?: readonly string[];
  /** Seqs of the ops that the cluster knows. */
  readonly known?: readonly number[];
}

/** The seqs of the ops that are found. */
async function foundIn({ ops, entries = [], known = [] }: Case): Promise<number[]> {
  const { replica } = await openReplica();
  const range = { origin: ORIGIN, after: 0, to: ops.length, sum: sumOf(ops) };
  await replica.receive({ ranges: [range], ops });
  const found = await collectedOps(
    replica.log,
    ({ key, seq }) => !entries.includes(key) && !known.includes(seq),
  );
  return found.map(({ seq }) => seq);
}

const of = (seq: number, key: string, version: number): Op =>
  put({ origin: ORIGIN, seq, key, version });

const collected = suite('ops that a log set aside had collected');

collected('of each key without an entry the greatest op is found, a delete as well', async () => {
  const gone = tombstone({ origin: ORIGIN, seq: 3, key: 'b' });
  assert.equal(await foundIn({ ops: [of(1, 'a', 1), of(2, 'a', 2), gone] }), [2, 3]);
});

collected('an op that was beaten when it came is not the greatest', async () => {
  assert.equal(await foundIn({ ops: [of(1, 'a', 7), of(2, 'a', 3)] }), [1]);
});

collected('of a key that has an entry none is found', async () => {
  assert.equal(await foundIn({ ops: [of(1, 'a', 1), of(2, 'b', 1)], entries: ['a'] }), [2]);
});

collected('a known op is not found, nor one that it beat', async () => {
  const ops = [of(1, 'a', 1), of(2, 'a', 2), of(3, 'b', 1), of(4, 'b', 2)];
  assert.equal(await foundIn({ ops, known: [2, 3] }), [4]);
});

collected('joins and retirements are none', async () => {
  const join = membership({ origin: ORIGIN, seq: 1, key: ORIGIN });
  const retire = membership({ origin: ORIGIN, seq: 2, key: 'node3.cccccc', kind: 'retire' });
  assert.equal(await foundIn({ ops: [join, retire, of(3, 'a', 1)] }), [3]);
});

collected.run();
