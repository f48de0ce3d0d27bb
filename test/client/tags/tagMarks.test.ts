/** Marks of tags: what has been invalidated is never used again, in whatever order marks arrive. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  nextMark,
  stateOf,
  type TagMark,
  verdictOn,
  worstOf,
} from '../../../src/client/tags/tagMarks.ts';

const marks = suite('marks of tags');

const none = new Map<string, TagMark>();
const SOFT = { staleUntilMs: null };

marks('an entry is fresh as long as the state of its tag is the one that it remembers', () => {
  assert.is(verdictOn([], none, 0), 'fresh');
  const first = new Map([['a', nextMark(none, null, 0)]]);
  assert.equal(stateOf(first), ['a']);
  assert.is(verdictOn([], first, 0), 'gone');
  assert.is(verdictOn(['a'], first, 0), 'fresh');
  const second = new Map([...first, ['b', nextMark(first, null, 0)]]);
  assert.equal(stateOf(second), ['b']);
  assert.is(verdictOn(['a'], second, 0), 'gone');
});

marks('after soft invalidations alone an entry is stale, also after several', () => {
  let known: ReadonlyMap<string, TagMark> = none;
  for (const id of ['a', 'b', 'c']) {
    known = new Map([...known, [id, nextMark(known, SOFT, 0)]]);
    assert.is(verdictOn([], known, 0), 'stale', id);
  }
  known = new Map([...known, ['d', nextMark(known, null, 0)]]);
  assert.is(verdictOn(['c'], known, 0), 'gone');
  known = new Map([...known, ['e', nextMark(known, SOFT, 0)]]);
  assert.is(verdictOn(['d'], known, 0), 'stale');
  assert.is(verdictOn(['c'], known, 0), 'gone', 'a soft invalidation does not undo a hard one');
});

marks(
  'a soft invalidation with an end is a hard one from then on, also for a later soft one',
  () => {
    const first = new Map([['a', nextMark(none, { staleUntilMs: 10 }, 0)]]);
    assert.is(verdictOn([], first, 9), 'stale');
    assert.is(verdictOn([], first, 10), 'gone');
    const early = new Map([...first, ['b', nextMark(first, SOFT, 9)]]);
    assert.is(
      verdictOn([], early, 20),
      'stale',
      'it was stale still, and the later one has no end',
    );
    const late = new Map([...first, ['b', nextMark(first, SOFT, 10)]]);
    assert.is(verdictOn([], late, 10), 'gone', 'what is gone does not come back');
    assert.is(verdictOn(['a'], late, 10), 'stale');
  },
);

marks('a mark of very many soft invalidations forgets the oldest states', () => {
  let known: ReadonlyMap<string, TagMark> = none;
  for (let index = 0; index < 40; index++) {
    const id = `m${String(index).padStart(2, '0')}`;
    const mark = nextMark(known, SOFT, 0);
    assert.ok(mark.staleStates.length <= 16);
    known = new Map([[id, mark]]);
  }
  assert.is(verdictOn([], known, 0), 'gone');
  assert.is(verdictOn(['m38'], known, 0), 'stale');
});

marks('where a mark is not known any more, or not yet, nobody can tell: the entry is gone', () => {
  assert.is(verdictOn(['a'], none, 0), 'gone');
});

marks('of several tags the worst verdict counts', () => {
  assert.is(worstOf([]), 'fresh');
  assert.is(worstOf(['fresh', 'stale']), 'stale');
  assert.is(worstOf(['stale', 'gone', 'fresh']), 'gone');
});

/** One write: of a mark, or of the delete of one. */
type Write =
  | {
      readonly put: string;
      readonly mark: TagMark;
      /** The invalidations that its writer had heard of, and the write's own; whether each is soft. */
      readonly heard: ReadonlyMap<string, boolean>;
    }
  | { readonly remove: string };

const REPLICAS = 3;

/** A node with the mirror of a client on it: it takes the writes of each origin in their order. */
class Replica {
  readonly own: Write[] = [];
  readonly #taken = Array.from({ length: REPLICAS }, () => 0);
  readonly #removed = new Set<string>();
  readonly known = new Map<string, TagMark>();
  /** Every invalidation that has come here, or that the writer of one of these had heard of. */
  readonly heard = new Map<string, boolean>();

  take(write: Write): void {
    if ('remove' in write) {
      this.#removed.add(write.remove);
      this.known.delete(write.remove);
      return;
    }
    for (const [id, isSoft] of write.heard) this.heard.set(id, isSoft);
    if (!this.#removed.has(write.put)) this.known.set(write.put, write.mark);
  }

  invalidate(id: string, isSoft: boolean): void {
    const mark = nextMark(this.known, isSoft ? SOFT : null, 0);
    const writes: Write[] = [
      { put: id, mark, heard: new Map([...this.heard, [id, isSoft]]) },
      ...mark.replaces.map((remove) => ({ remove })),
    ];
    for (const write of writes) this.take(write);
    this.own.push(...writes);
  }

  pull(index: number, from: Replica, most: number): void {
    const taken = this.#taken[index] ?? 0;
    const news = from.own.slice(taken, taken + most);
    for (const write of news) this.take(write);
    this.#taken[index] = taken + news.length;
  }
}

const stepArbitrary = fc.oneof(
  fc.record({
    kind: fc.constant('invalidate' as const),
    at: fc.nat(REPLICAS - 1),
    isSoft: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('pull' as const),
    at: fc.nat(REPLICAS - 1),
    from: fc.nat(REPLICAS - 1),
    most: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ kind: fc.constant('write' as const), at: fc.nat(REPLICAS - 1) }),
);

marks('no entry is used at a place that has heard of a hard invalidation after it', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 60 }), (steps) => {
      const replicas = Array.from({ length: REPLICAS }, () => new Replica());
      const entries: { readonly state: readonly string[]; readonly heard: ReadonlySet<string> }[] =
        [];
      const check = () => {
        for (const { known, heard } of replicas)
          for (const entry of entries) {
            const verdict = verdictOn(entry.state, known, 0);
            for (const [id, isSoft] of heard) {
              if (entry.heard.has(id)) continue;
              assert.is.not(verdict, 'fresh', id);
              if (!isSoft) assert.is(verdict, 'gone', id);
            }
          }
      };
      for (const [index, step] of steps.entries()) {
        const replica = replicas[step.at];
        if (replica === undefined) continue;
        if (step.kind === 'invalidate') replica.invalidate(`i${index}`, step.isSoft);
        else if (step.kind === 'write')
          entries.push({ state: stateOf(replica.known), heard: new Set(replica.heard.keys()) });
        else {
          const from = replicas[step.from];
          if (from !== undefined && from !== replica) replica.pull(step.from, from, step.most);
        }
        check();
      }
      // Once all have heard everything, all agree, and what is written then is fresh everywhere.
      for (const [index, from] of replicas.entries())
        for (const replica of replicas) if (replica !== from) replica.pull(index, from, 1000);
      check();
      const states = replicas.map(({ known }) => stateOf(known));
      for (const state of states) assert.equal(state, states[0]);
    }),
    { numRuns: 500 },
  );
});

marks.run();
