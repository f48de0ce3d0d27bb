/** Closed origins, and vectors that leave them out (rule 13). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Closings, FollowedVector, HeldVector } from '../../src/rules/closings.ts';
import { NOTHING_CLOSED } from '../../src/words/closed.ts';
import { covers, includes } from '../../src/words/vector.ts';
import { ORIGINS } from '../support/generators.ts';

const [A, B, C] = ORIGINS;

function closingsOf(...ids: readonly (readonly [string, number])[]): Closings {
  const closings = new Closings();
  for (const [origin, seq] of ids) closings.add({ origin, seq });
  return closings;
}

const closing = suite('closed origins (rule 13)');

closing('the pair of all depends on no order, and on every seq', () => {
  const pair = closingsOf([A, 3], [B, 5]).pair;
  assert.equal(closingsOf([B, 5], [A, 3]).pair, pair);
  assert.is(pair.count, 2);
  assert.not.equal(closingsOf([A, 3], [B, 6]).pair, pair);
  assert.equal(new Closings().pair, NOTHING_CLOSED);
});

closing('a pair from before tells what was closed since; an unknown one nothing', () => {
  const closings = closingsOf([A, 3], [B, 5]);
  const origins = (pair = NOTHING_CLOSED) => closings.since(pair)?.map(({ origin }) => origin);
  assert.equal(origins(), [A, B]);
  assert.equal(origins(closingsOf([A, 3]).pair), [B]);
  assert.equal(origins(closings.pair), []);
  assert.is(origins(closingsOf([B, 5]).pair), undefined);
  assert.is(origins(closingsOf([A, 3], [B, 5], [C, 1]).pair), undefined);
  assert.is(closings.ops, 8);
});

closing('a vector of what is held lists what is open, and knows the end of what is closed', () => {
  const closings = closingsOf([A, 3]);
  const held = new HeldVector(closings);
  held.set(B, 2);
  assert.equal([...held], [[B, 2]]);
  assert.ok(covers(held, { origin: A, seq: 3 }));
  assert.not(covers(held, { origin: A, seq: 4 }));
  const fromBefore = new Map([
    [A, 3],
    [B, 1],
  ]);
  assert.ok(includes(held, fromBefore));
});

closing('a watcher covers the first so many, and of the others what it lists', () => {
  const closings = closingsOf([A, 3], [B, 5]);
  const followed = new FollowedVector([[C, 1]], closings, 1);
  assert.equal(
    [A, B, C].map((origin) => followed.get(origin)),
    [3, undefined, 1],
  );
  assert.equal(
    [...followed.openEnded()].map(({ origin }) => origin),
    [B],
  );
  const held = new HeldVector(closings);
  held.set(C, 1);
  assert.not(followed.includesHeld(held));
  followed.set(B, 5);
  assert.ok(followed.includesHeld(held));
  assert.equal(followed.pair, closingsOf([A, 3]).pair);
});

closing(
  'what it lists of one of those counts, however little: it has not been told the rest',
  () => {
    const closings = closingsOf([A, 3]);
    const followed = new FollowedVector([[A, 0]], closings, 1);
    assert.is(followed.get(A), 0);
    assert.equal([...followed.openEnded()], [{ origin: A, seq: 3 }]);
    assert.not(followed.copy().includesHeld(new HeldVector(closings)));
  },
);

closing(
  'a followed vector includes what is held only with every open origin to its last op',
  () => {
    const closings = closingsOf([A, 3]);
    const held = new HeldVector(closings).set(B, 2);
    assert.ok(new FollowedVector([[B, 2]], closings, 1).includesHeld(held));
    assert.not(new FollowedVector([[B, 1]], closings, 1).includesHeld(held));
    assert.not(new FollowedVector([], closings, 1).includesHeld(held));
  },
);

closing.run();
