import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ending, stepAfter, stepAfterRefusal } from '../../rules/returning.ts';
import { CLOSE } from '../../rules/seat.ts';

const returning = suite('returning');

const closed = (code: number): Ending => ({ type: 'closed', code });

returning('each close code of play leads where it should', () => {
  const types = Object.entries(CLOSE).map(([name, code]) => {
    const step = stepAfter(closed(code), true);
    return [name, step.type === 'stop' ? step.reason : step.type];
  });
  assert.equal(Object.fromEntries(types), {
    malformed: 'malformed',
    token: 'join',
    revoked: 'revoked',
    silent: 'resume',
    replaced: 'replaced',
    closed: 'join',
    slow: 'resume',
    flooding: 'resume',
    failed: 'join',
  });
  assert.equal(stepAfter(closed(1000), true), { type: 'stop', reason: 'left' });
  assert.equal(stepAfter(closed(1006), true), { type: 'resume', afterMs: 0 });
  assert.equal(stepAfter({ type: 'silent' }, true), { type: 'resume', afterMs: 0 });
});

returning('where a resume has failed, another instance is asked', () => {
  for (const ending of [closed(1006), closed(CLOSE.silent), { type: 'silent' } as const])
    assert.equal(stepAfter(ending, false), { type: 'join', isElsewhere: true, isAlive: false });
  // The instance lives, and has refused the token: it may be asked for another.
  assert.equal(stepAfter(closed(CLOSE.token), false), {
    type: 'join',
    isElsewhere: false,
    isAlive: false,
  });
});

returning('only an instance that has closed in good order is known to live', () => {
  const alive = Object.entries(CLOSE).flatMap(([name, code]) =>
    [true, false].flatMap((mayResume) => {
      const step = stepAfter(closed(code), mayResume);
      return step.type === 'join' && step.isAlive ? [name] : [];
    }),
  );
  assert.equal(alive, ['closed', 'closed']);
});

returning('only a person or a newer window ends play', () => {
  const stops = new Set<number>([1000, CLOSE.revoked, CLOSE.replaced, CLOSE.malformed]);
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 4999 }), fc.boolean(), (code, mayResume) => {
      assert.is(stepAfter(closed(code), mayResume).type === 'stop', stops.has(code));
    }),
  );
});

returning('a refused player asks all worlds at once, and then at a growing distance', () => {
  const full = { status: 409, retryAfterSeconds: 5 };
  assert.equal(stepAfterRefusal(full, 1), { type: 'again', isAnyWorld: true, afterMs: 0 });
  const pauses = [2, 3, 4, 5, 6, 7, 8, 9].map((tries) => {
    const step = stepAfterRefusal(full, tries);
    return step.type === 'again' ? step.afterMs : -1;
  });
  assert.equal(pauses, [500, 1000, 2000, 4000, 5000, 5000, 5000, 5000]);
});

returning('a limit is taken at its word, and a lost answer is no reason to hurry', () => {
  const limited = stepAfterRefusal({ status: 429, retryAfterSeconds: 3 }, 1);
  assert.equal(limited, { type: 'again', isAnyWorld: true, afterMs: 3000 });
  const lost = stepAfterRefusal({ status: 0, retryAfterSeconds: null }, 1);
  assert.equal(lost, { type: 'again', isAnyWorld: true, afterMs: 250 });
});

returning('what asking again would not change ends the way back', () => {
  for (const status of [400, 401, 403, 422])
    assert.equal(stepAfterRefusal({ status, retryAfterSeconds: null }, 1), { type: 'stop' });
  for (const status of [0, 404, 408, 409, 429, 500, 502, 503])
    assert.is(stepAfterRefusal({ status, retryAfterSeconds: null }, 1).type, 'again');
});

returning.run();
