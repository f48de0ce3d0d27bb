import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decideOnce } from '../../rules/idempotency.ts';
import { type Gain, milestoneToTell, recordAfter } from '../../rules/progress.ts';
import { decideRefresh } from '../../rules/refreshFamily.ts';

const progress = suite('progress');

const gain: Gain = { position: { x: 3, y: 4 }, coins: 8, distance: 50, playedMs: 1000 };
const place = { world: 'meadow', instance: 'meadow-1', nowMs: 99 };

progress('a record is the one that was read and what was gained since', () => {
  const first = recordAfter(null, gain, place);
  assert.equal(first, {
    position: { x: 3, y: 4 },
    coins: 8,
    milestone: 0,
    distance: 50,
    playedMs: 1000,
    visits: 1,
    world: 'meadow',
    instance: 'meadow-1',
    savedAtMs: 99,
  });
  const second = recordAfter(first, { ...gain, coins: 5 }, { ...place, world: 'summit' });
  assert.is(second.coins, 13);
  assert.is(second.milestone, 10);
  assert.is(second.distance, 100);
  assert.is(second.visits, 2);
  assert.is(second.world, 'summit');
});

progress('saving twice from one base counts a gain once', () => {
  const base = recordAfter(null, gain, place);
  const saves = [gain, { ...gain, coins: 9 }].map((each) => recordAfter(base, each, place));
  assert.equal(
    saves.map(({ coins, visits }) => [coins, visits]),
    [
      [16, 2],
      [17, 2],
    ],
  );
});

progress('a milestone is told once, and only one that is stored', () => {
  assert.is(milestoneToTell(0, 9), null);
  assert.is(milestoneToTell(0, 10), 10);
  assert.is(milestoneToTell(10, 19), null);
  assert.is(milestoneToTell(10, 34), 30);
});

progress('a refresh token rotates, forgives reuse for ten seconds, then ends its family', () => {
  const token = { issuedAtMs: 0, usedAtMs: null, familyEnded: false };
  assert.is(decideRefresh(token, 5), 'rotate');
  assert.is(decideRefresh({ ...token, usedAtMs: 1000 }, 10_999), 'rotate');
  assert.is(decideRefresh({ ...token, usedAtMs: 1000 }, 11_000), 'end family');
  assert.is(decideRefresh({ ...token, familyEnded: true }, 5), 'refuse');
  assert.is(decideRefresh(token, 30 * 24 * 3_600_000), 'refuse');
  assert.is(decideRefresh(null, 5), 'refuse');
});

progress('a key that was used for one request is refused for another', () => {
  const at = { fingerprint: 'one', region: 'eu', world: 'a', instance: 'a-1' };
  assert.equal(decideOnce(null, 'one'), { type: 'new' });
  assert.equal(decideOnce(at, 'one'), { type: 'again', at });
  assert.equal(decideOnce(at, 'two'), { type: 'other request' });
});

progress.run();
