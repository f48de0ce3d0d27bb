/** Images of a store: the store as it was at the capture, whatever came after. */
import fc from 'fast-check';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EntryStore, StoreCapture } from '../../src/store/entryStore.ts';
import { isDead } from '../../src/words/op.ts';
import { foldInto } from '../support/entries.ts';
import { key, keyOp, withSeq } from '../support/generators.ts';
import { put } from '../support/ops.ts';
import { entriesOf, headOf, listed, type NewStore, sorted, storeOf } from './entryStoreNaive.ts';

/** Copies of the frames, as if they were written to a disk. @param between called before each frame. */
export function takenFrames(capture: StoreCapture, between: () => void = () => {}): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (;;) {
    between();
    const frame = capture.frames.next();
    if (frame.done === true) break;
    frames.push(frame.value.slice());
  }
  capture.end();
  return frames;
}

export function restoreInto(store: EntryStore, frames: readonly Uint8Array[]): void {
  let index = 0;
  for (const target of store.restore()) {
    const frame = frames[index++];
    assert.is(frame?.length, target.length, 'each frame has its target');
    target.set(frame ?? []);
  }
  assert.is(index, frames.length);
}

export function imageTests(test: Test, newStore: NewStore): void {
  const change = fc.oneof(
    { weight: 6, arbitrary: fc.record({ fold: keyOp }) },
    { weight: 1, arbitrary: fc.record({ drop: key }) },
    { weight: 1, arbitrary: fc.record({ sweepAtMs: fc.integer({ min: 0, max: 200_000 }) }) },
    { weight: 1, arbitrary: fc.record({ compact: fc.nat(2000) }) },
  );
  type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
  const apply = (store: EntryStore, one: Change | undefined): void => {
    if (one === undefined) return;
    if ('fold' in one) foldInto(store, one.fold);
    else if ('drop' in one) store.drop(one.drop);
    else if ('compact' in one) store.compactSlice(one.compact);
    else store.sweep(one.sweepAtMs, 3);
  };

  test('an image restores to the entries of its capture, which go on as if folded anew', () => {
    // No op id twice: entries of one time and one op id would be swept in any order.
    const changes = (afterSeq: number): fc.Arbitrary<Change[]> =>
      fc
        .array(change, { maxLength: 60 })
        .map((all) =>
          all.map((one, index) =>
            'fold' in one ? { fold: withSeq(one.fold, afterSeq + index + 1) } : one,
          ),
        );
    fc.assert(
      fc.property(changes(0), changes(100), changes(200), (before, meanwhile, after) => {
        const store = newStore();
        for (const one of before) apply(store, one);
        const entries = entriesOf(store);
        let next = 0;
        const frames = takenFrames(store.capture(), () => {
          for (let count = 0; count < 10; count++) apply(store, meanwhile[next++]);
        });
        const restored = newStore();
        foldInto(restored, put({ key: 'of before' }));
        restoreInto(restored, frames);
        const anew = storeOf(newStore, entries);
        assert.equal(entriesOf(restored), entries);
        for (const one of after) {
          apply(restored, one);
          apply(anew, one);
          assert.equal(entriesOf(restored), entriesOf(anew));
          assert.equal([restored.size, restored.deadSize], [anew.size, anew.deadSize]);
        }
        for (const nowMs of [0, 50_000, 200_000]) {
          assert.equal(listed(restored, '', null, 99, nowMs), listed(anew, '', null, 99, nowMs));
          assert.equal(restored.sumAt(nowMs / 60_000), anew.sumAt(nowMs / 60_000));
        }
        assert.equal(restored.sweep(200_000, 99), anew.sweep(200_000, 99));
        assert.equal(sorted(restored.examineDead(99)), sorted(anew.examineDead(99)));
        for (const { key: name } of entries) assert.equal(restored.get(name), anew.get(name));
      }),
      { numRuns: 500 },
    );
  });

  test('a capture that is ended early leaves the store as it is, and another may begin', () => {
    const store = storeOf(newStore, [put({ key: 'a' }), put({ key: 'b' })]);
    store.capture().end();
    const capture = store.capture();
    capture.frames.next();
    capture.end();
    foldInto(store, put({ key: 'c' }));
    const restored = newStore();
    restoreInto(restored, takenFrames(store.capture()));
    assert.equal(entriesOf(restored), entriesOf(store));
  });

  test('all dead entries of a time are found, whether swept or not', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.nat(200_000), (changes, nowMs) => {
        const store = newStore();
        for (const one of changes) apply(store, one);
        const dead = entriesOf(store).filter((entry) => isDead(entry, nowMs));
        assert.equal(sorted(store.deadAt(nowMs)), dead.map(headOf));
      }),
    );
  });
}
