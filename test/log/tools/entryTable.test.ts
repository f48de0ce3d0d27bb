/** The table of the entries of a fold, which keeps what rule 1 looks at as numbers. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EntryTable } from '../../../src/log/tools/entryTable.ts';
import { compareOps, decidingClause, type KeyOp, type Ranked } from '../../../src/words/op.ts';
import { keyOp } from '../../support/generators.ts';

const table = suite('the table of entries');

table('an entry is beaten by the ops that rule 1 says, whatever clause decides', () => {
  const clauses = new Map<string | null, number>();
  // Neighbours that differ in few clauses, so that each clause is the one that decides.
  const pair = fc.tuple(keyOp, keyOp, fc.integer({ min: 0, max: 6 })).map(([entry, op, alike]) => ({
    entry,
    op: { ...op, ...sharedClauses(entry, alike) } as KeyOp,
  }));
  fc.assert(
    fc.property(pair, fc.array(keyOp, { maxLength: 5 }), ({ entry, op }, others) => {
      const entries = new EntryTable();
      for (const [index, other] of others.entries())
        entries.set(undefined, { ...other, key: `other ${index}` });
      entries.set(undefined, entry);
      const slot = entries.find(entry.key);
      if (slot === undefined) throw new Error('The entry is not found.');
      const clause = decidingClause(op, entry);
      clauses.set(clause, (clauses.get(clause) ?? 0) + 1);
      assert.is(entries.isBeatenBy(slot, op), compareOps(op, entry) > 0, `by ${clause}`);
      assert.is(decidingClause(entries.ranked(slot), entry), null);
    }),
    { numRuns: 2000 },
  );
  for (const clause of ['generation', 'version', 'kind', 'hlc', 'origin', 'seq', null])
    assert.ok((clauses.get(clause) ?? 0) > 0, `${clause} decided no pair`);
});

/** The first clauses of the entry. */
function sharedClauses(entry: Ranked, count: number): Partial<Ranked> {
  const { generation, version, kind, hlc, origin, seq } = entry;
  return Object.fromEntries(
    Object.entries({ generation, version, kind, hlc, origin, seq }).slice(0, count),
  );
}

table.run();
