import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SeatEvent, Seats } from '../../rules/seat.ts';
import * as rules from '../../rules/seats.ts';
import { alteredRule } from '../support/alteredRule.ts';
import { counterexampleOf } from '../support/counterexample.ts';
import { rounds } from '../support/rounds.ts';
import { checkSeats } from '../support/seatCheck.ts';

const seats = suite('seats');

const NOW = 50_000;

/** Each rule, with code that switches it off. */
const SWITCHES: readonly [rule: string, code: string, replacement: string][] = [
  [
    'rule 1',
    'living.byPlayer.size >= living.maxPlayers',
    'living.byPlayer.size > living.maxPlayers',
  ],
  [
    'rule 2',
    'if (present !== undefined) {',
    "if (present !== undefined && present.state === 'reserved') {",
  ],
  ['rule 3', 'if (seat === undefined) {\n', 'if (seat === undefined || seats.isDraining) {\n'],
  ['rule 3', '({ entrance }) => entrance?.tokenHash === tokenHash', '({ entrance }) => entrance'],
  ['rule 4', 'if (nowMs < seat.untilMs) {', "if (nowMs < seat.untilMs || seat.state === 'held') {"],
  ['rule 5', "if (seat.state === 'seated')\n    effects.push", 'if (false)\n    effects.push'],
];

function after(state: Seats, ...events: readonly SeatEvent[]): Seats {
  return events.reduce((previous, event) => rules.decide(previous, event, NOW).seats, state);
}

const reserve = (player: string, tokenHash = `token-${player}`, fence = 1): SeatEvent => ({
  type: 'reserve',
  player,
  session: `session-${player}`,
  fence,
  tokenHash,
});
const connect = (player: string, connection: number): SeatEvent => ({
  type: 'connect',
  connection,
  tokenHash: `token-${player}`,
  resumeHash: `resume-${player}`,
});

seats('rules 1 to 5 hold in any order of events', () => checkSeats(rules, rounds(20_000)));

for (const [rule, code, replacement] of SWITCHES)
  seats(`the check fails without ${rule}`, async () => {
    const altered = await alteredRule<typeof rules>('seats.ts', code, replacement);
    assert.throws(() => checkSeats(altered, 5000, 1), counterexampleOf(new RegExp(rule)));
  });

seats('of fifty players who ask at once, ten get the ten seats', () => {
  let state = rules.emptySeats(10);
  const answers = Array.from({ length: 50 }, (_unused, index) => {
    const decision = rules.decide(state, reserve(`p${index}`), NOW);
    state = decision.seats;
    return decision.answer;
  });
  assert.is(answers.filter(({ type }) => type === 'reserved').length, 10);
  assert.is(
    answers.filter((answer) => answer.type === 'refused' && answer.reason === 'full').length,
    40,
  );
});

seats('signs of life put off the ends of those seats that they came from, and of no others', () => {
  const events = [reserve('a'), connect('a', 1), reserve('b'), connect('b', 2), reserve('c')];
  const before = after(rules.emptySeats(3), ...events);
  const later = NOW + 5000;
  const { seats: heard } = rules.decide(
    before,
    { type: 'heard', connections: new Set([2, 7]) },
    later,
  );
  const endsOf = (state: Seats) => [...state.byPlayer.values()].map(({ untilMs }) => untilMs);
  const [a = 0, b = 0, c = 0] = endsOf(before);
  assert.equal(endsOf(heard), [a, b + 5000, c]);
  const { effects } = rules.decide(heard, { type: 'time' }, later);
  assert.equal(effects, [{ type: 'ping', connection: 1 }], 'only who was not heard is pinged');
});

seats('a lowered maxPlayers throws nobody out and lets nobody in', () => {
  const events = [reserve('a'), connect('a', 1), reserve('b'), connect('b', 2)];
  const state = after(rules.emptySeats(3), ...events, { type: 'configure', maxPlayers: 1 });
  assert.is(rules.countSeats(state).seated, 2);
  assert.equal(rules.decide(state, reserve('c'), NOW).answer, {
    type: 'refused',
    reason: 'full',
  });
});

seats('a seat whose time is over is free for the next, though nobody has told the time', () => {
  const state = after(rules.emptySeats(1), reserve('a'));
  const { answer, effects } = rules.decide(state, reserve('b'), NOW + 15_000);
  assert.is(answer.type, 'reserved');
  assert.equal(effects, [{ type: 'free', player: 'a', wasAdmitted: false }]);
});

seats('a resume lets the newest connection in beside the living old one', () => {
  const state = after(rules.emptySeats(1), reserve('a'), connect('a', 1));
  const resume: SeatEvent = {
    type: 'connect',
    connection: 2,
    tokenHash: 'resume-a',
    resumeHash: 'resume-2',
  };
  const { effects } = rules.decide(state, resume, NOW);
  assert.equal(effects, [
    { type: 'close', connection: 1, code: 4409 },
    { type: 'admit', player: 'a', connection: 2, fence: 1, isNewcomer: false },
  ]);
});

seats('a seat token opens for 15 s less one millisecond, and only once', () => {
  const state = after(rules.emptySeats(1), reserve('a'));
  const admitted = rules.decide(state, connect('a', 1), NOW + 14_999);
  assert.is(admitted.answer.type, 'done');
  const late = rules.decide(state, connect('a', 1), NOW + 15_000);
  assert.equal(late.answer, { type: 'refused', reason: 'token' });
  assert.equal(late.effects, [{ type: 'close', connection: 1, code: 4401 }]);
  const again = rules.decide(admitted.seats, connect('a', 2), NOW + 14_999);
  assert.equal(again.answer, { type: 'refused', reason: 'token' });
});

seats('a drained world refuses who is new and who plays, and keeps a reservation', () => {
  const events = [reserve('a'), reserve('b'), connect('b', 1)];
  const state = after(rules.emptySeats(9), ...events, { type: 'drain' });
  assert.equal(rules.decide(state, reserve('a', 'other'), NOW + 5).answer, {
    type: 'reserved',
    isNew: false,
    untilMs: NOW + 15_000,
  });
  for (const player of ['b', 'c'])
    assert.equal(rules.decide(state, reserve(player, 'x'), NOW).answer, {
      type: 'refused',
      reason: 'draining',
    });
});

seats('who leaves, or is away too long, keeps the token that he got meanwhile', () => {
  const again = reserve('a', 'token-2');
  const hashes = { tokenHash: 'token-2', resumeHash: 'resume-2' };
  const connects: SeatEvent = { type: 'connect', connection: 2, ...hashes };
  const playing = after(rules.emptySeats(1), reserve('a'), connect('a', 1));
  const left = rules.decide(after(playing, again), { type: 'leave', connection: 1 }, NOW);
  const held = after(playing, { type: 'drop', connection: 1 });
  const asked = rules.decide(held, again, NOW + 29_000).seats;
  const away = rules.decide(asked, { type: 'time' }, NOW + 30_000);
  for (const [{ seats: state, effects }, untilMs] of [
    [left, NOW + 15_000],
    [away, NOW + 44_000],
  ] as const) {
    assert.equal(effects, [{ type: 'free', player: 'a', wasAdmitted: true }]);
    const admitted = rules.decide(state, connects, untilMs - 1);
    assert.equal(admitted.effects, [
      { type: 'admit', player: 'a', connection: 2, fence: 1, isNewcomer: true },
    ]);
    const late = rules.decide(state, { type: 'time' }, untilMs);
    assert.equal(late.effects, [{ type: 'free', player: 'a', wasAdmitted: false }]);
  }
});

seats(
  'a reservation that is withdrawn is free at once, and a token that was given since stays',
  () => {
    const withdraw = (tokenHash: string): SeatEvent => ({ type: 'withdraw', tokenHash });
    const reserved = after(rules.emptySeats(1), reserve('a'));
    const freed = rules.decide(reserved, withdraw('token-a'), NOW);
    assert.equal(freed.effects, [{ type: 'free', player: 'a', wasAdmitted: false }]);
    assert.is(rules.decide(freed.seats, reserve('b'), NOW).answer.type, 'reserved');

    const again = after(reserved, reserve('a', 'token-2'), withdraw('token-a'));
    const connects: SeatEvent = {
      type: 'connect',
      connection: 1,
      tokenHash: 'token-2',
      resumeHash: 'resume-2',
    };
    assert.is(rules.decide(again, connects, NOW).answer.type, 'done');

    const playing = after(reserved, connect('a', 1), reserve('a', 'token-2'), withdraw('token-2'));
    assert.is(rules.countSeats(playing).seated, 1, 'who plays stays');
    assert.is(rules.decide(playing, connects, NOW).answer.type, 'refused');
  },
);

seats('a silent player is pinged, then dropped, then gone', () => {
  const state = after(rules.emptySeats(1), reserve('a'), connect('a', 1));
  const time = { type: 'time' } as const;
  assert.equal(rules.decide(state, time, NOW + 3000).effects, [{ type: 'ping', connection: 1 }]);
  const dropped = rules.decide(state, time, NOW + 10_000);
  assert.equal(dropped.effects, [
    { type: 'close', connection: 1, code: 4408 },
    { type: 'hold', player: 'a' },
  ]);
  const gone = rules.decide(dropped.seats, time, NOW + 40_000);
  assert.equal(gone.effects, [{ type: 'free', player: 'a', wasAdmitted: true }]);
});

seats('a world lets go of a player for a seat that is as new or newer, and for no older', () => {
  const state = after(rules.emptySeats(1), reserve('a', 'token-a', 5), connect('a', 1));
  const displace = (fence: number) =>
    rules.decide(state, { type: 'displace', player: 'a', fence }, NOW);
  assert.equal(displace(4).answer, { type: 'refused', reason: 'older' });
  assert.equal(displace(5).effects, [
    { type: 'free', player: 'a', wasAdmitted: true },
    { type: 'close', connection: 1, code: 4409 },
  ]);
});

seats('a revoked session closes its player, and no other', () => {
  const events = [reserve('a'), connect('a', 1), reserve('b'), connect('b', 2)];
  const state = after(rules.emptySeats(2), ...events);
  const { effects } = rules.decide(state, { type: 'revoke', subject: 'session-a' }, NOW);
  assert.equal(effects, [
    { type: 'free', player: 'a', wasAdmitted: true },
    { type: 'close', connection: 1, code: 4403 },
  ]);
});

seats.run();
