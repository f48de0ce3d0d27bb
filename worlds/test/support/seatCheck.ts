/** Rules 1 to 5 as a check: any order of events, against a plain record of the promises. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { SEAT_TIMES, type SeatEvent, type Seats } from '../../rules/seat.ts';
import type * as SeatRules from '../../rules/seats.ts';

type Rules = Pick<typeof SeatRules, 'decide' | 'emptySeats'>;

interface Command {
  readonly type: SeatEvent['type'] | 'wait';
  readonly player: number;
  /** Picks one of several: a token, a connection, a time. */
  readonly choice: number;
}

const command: fc.Arbitrary<Command> = fc.record({
  type: fc.constantFrom<Command['type']>(
    ...(['reserve', 'reserve', 'reserve', 'connect', 'connect', 'connect', 'heard'] as const),
    ...(['drop', 'leave', 'displace', 'revoke', 'configure', 'drain', 'time', 'wait'] as const),
    ...(['wait', 'close', 'withdraw'] as const),
  ),
  player: fc.nat(5),
  choice: fc.nat(1000),
});

/** @throws Error with the shortest order of events that breaks a rule. */
export function checkSeats(rules: Rules, runs: number, seed?: number): void {
  const commands = fc.array(command, { maxLength: 60 });
  const property = fc.property(fc.integer({ min: 1, max: 4 }), commands, (maxPlayers, all) => {
    const table = new CheckedTable(rules, maxPlayers);
    for (const one of all) table.carryOut(one);
    table.endsEmpty();
  });
  fc.assert(property, { numRuns: runs, ...(seed !== undefined && { seed }) });
}

class CheckedTable {
  readonly #rules: Rules;
  #seats: Seats;
  #nowMs = 1000;
  #made = 0;
  /** Open sockets, each with its player. */
  readonly #open = new Map<number, string>();
  /** Every token that was ever given, with the player who got it. */
  readonly #tokens: { readonly hash: string; readonly player: string }[] = [];
  /** Tokens that must let their player in, until when. */
  readonly #promised = new Map<string, { readonly hash: string; readonly untilMs: number }>();

  constructor(rules: Rules, maxPlayers: number) {
    this.#rules = rules;
    this.#seats = rules.emptySeats(maxPlayers);
  }

  carryOut({ type, player: number, choice }: Command): void {
    const player = `player${number}`;
    const connections = [...this.#open.keys()];
    const connection = connections[choice % Math.max(1, connections.length)] ?? -1;
    switch (type) {
      case 'wait':
        this.#nowMs += choice * 20;
        return;
      case 'reserve':
        this.#reserve(player, choice % 3);
        return;
      case 'connect':
        this.#connect(choice);
        return;
      case 'heard':
        this.#decide({ type, connections: new Set([connection]) });
        return;
      case 'time':
      case 'drain':
        this.#decide({ type });
        return;
      case 'close':
        // It ends the world, so it comes rarely.
        if (choice % 10 !== 0) return;
        this.#promised.clear();
        this.#decide({ type });
        return;
      case 'drop':
      case 'leave':
        this.#decide({ type, connection });
        this.#open.delete(connection);
        return;
      case 'withdraw':
        this.#withdraw(choice);
        return;
      case 'displace': {
        const { answer } = this.#decide({ type, player, fence: choice % 3 });
        if (answer.type === 'done') this.#promised.delete(player);
        return;
      }
      case 'revoke':
        this.#promised.delete(player);
        this.#decide({ type, subject: player });
        return;
      case 'configure':
        this.#decide({ type, maxPlayers: 1 + (choice % 4) });
        return;
    }
  }

  /** Rule 4: with nobody there any more, every seat is free in the end. */
  endsEmpty(): void {
    const { silentMs, heldMs, reservedMs } = SEAT_TIMES;
    for (const durationMs of [Math.max(silentMs, reservedMs), heldMs]) {
      this.#nowMs += durationMs;
      this.#decide({ type: 'time' });
    }
    assert.is(this.#seats.byPlayer.size, 0, 'rule 4: a seat is left over');
  }

  #reserve(player: string, fence: number): void {
    const hash = `token${this.#made++}`;
    const before = this.#seats;
    const present = before.byPlayer.get(player);
    const untilMs = Math.max(present?.untilMs ?? 0, present?.entrance?.untilMs ?? 0);
    const isLive = present && (present.state === 'seated' || this.#nowMs < untilMs);
    const { answer } = this.#decide({
      type: 'reserve',
      player,
      session: `session-${player}`,
      fence,
      tokenHash: hash,
    });
    if (answer.type === 'reserved') {
      this.#tokens.push({ hash, player });
      this.#promised.set(player, { hash, untilMs: answer.untilMs });
      assert.is(answer.isNew, !isLive, 'rule 2: the same seat');
      if (answer.isNew)
        assert.ok(this.#seats.byPlayer.size <= before.maxPlayers, 'rule 1: too many seats');
      if (present?.state === 'reserved' && isLive)
        assert.ok(answer.untilMs >= present.untilMs, 'rule 3: a shorter promise');
    } else if (isLive && !before.isDraining)
      assert.unreachable('rule 2: the seat is not given again');
    else if (answer.type === 'refused' && answer.reason === 'full')
      assert.ok(this.#seats.byPlayer.size >= before.maxPlayers, 'rule 1: a free seat is refused');
  }

  #withdraw(choice: number): void {
    const token = this.#tokens[choice % Math.max(1, this.#tokens.length)];
    if (token === undefined) return;
    const { hash: tokenHash, player } = token;
    const before = this.#seats.byPlayer.get(player);
    const isPromise = this.#promised.get(player)?.hash === tokenHash;
    if (isPromise) this.#promised.delete(player);
    this.#decide({ type: 'withdraw', tokenHash });
    const isLeft = this.#seats.byPlayer.has(player);
    const wasOnlyPromised = before?.state === 'reserved' && isPromise;
    assert.is(
      isLeft,
      before !== undefined && !wasOnlyPromised,
      'rule 3: another seat is withdrawn',
    );
  }

  #connect(choice: number): void {
    const token = this.#tokens[choice % Math.max(1, this.#tokens.length)];
    if (token === undefined) return;
    const { hash, player } = token;
    const promise = this.#promised.get(player);
    const isPromised = promise?.hash === hash && this.#nowMs < promise.untilMs;
    const connection = this.#made++;
    this.#open.set(connection, player);
    const resumeHash = `resume${this.#made++}`;
    const { answer, effects } = this.#decide({
      type: 'connect',
      connection,
      tokenHash: hash,
      resumeHash,
    });
    if (answer.type !== 'done') {
      assert.not.ok(isPromised, 'rule 3: a promise is broken');
      return;
    }
    const again = this.#rules.decide(
      this.#seats,
      { type: 'connect', connection: -2, tokenHash: hash, resumeHash },
      this.#nowMs,
    );
    assert.is(again.answer.type, 'refused', 'a token is good for one use');
    this.#promised.delete(player);
    this.#tokens.push({ hash: resumeHash, player });
    const admitted = effects.filter((effect) => effect.type === 'admit');
    assert.equal(
      admitted.map((effect) => effect.player),
      [player],
      'a token lets in its own player',
    );
  }

  #decide(event: SeatEvent): ReturnType<Rules['decide']> {
    const decision = this.#rules.decide(this.#seats, event, this.#nowMs);
    const grew = decision.seats.byPlayer.size > this.#seats.byPlayer.size;
    if (grew) assert.is(event.type, 'reserve', 'only a reservation makes a seat');
    if (event.type === 'drop' || event.type === 'leave') this.#open.delete(event.connection);
    for (const effect of decision.effects)
      if (effect.type === 'close') this.#open.delete(effect.connection);
    this.#seats = decision.seats;
    this.#staysTrue(event);
    return decision;
  }

  #staysTrue(event: SeatEvent): void {
    const seated = [...this.#seats.byPlayer.values()].filter(({ state }) => state === 'seated');
    const seatedOn = new Map<number, string>();
    for (const seat of seated)
      if (seat.state === 'seated') seatedOn.set(seat.connection, seat.player);
    assert.is(seatedOn.size, seated.length, 'rule 5: two seats on one connection');
    assert.equal(
      [...seatedOn].toSorted(([a], [b]) => a - b),
      [...this.#open].toSorted(([a], [b]) => a - b),
      'rule 5: a socket is open that has no seat, or a player is seen without one',
    );
    const longestMs = Math.max(...Object.values(SEAT_TIMES));
    for (const [player, seat] of this.#seats.byPlayer) {
      assert.is(seat.player, player, 'rule 2: a seat under another name');
      assert.ok(seat.untilMs <= this.#nowMs + longestMs, 'rule 4: a seat without an end');
      if (event.type === 'time')
        assert.ok(this.#nowMs < seat.untilMs, 'rule 4: a seat beyond its end');
    }
  }
}
