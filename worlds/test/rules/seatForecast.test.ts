import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Candidate, chooseInstance, MAX_ASKED } from '../../rules/instanceChoice.ts';
import { LISTING_LAG_MS, SeatForecast } from '../../rules/seatForecast.ts';
import { alteredRule } from '../support/alteredRule.ts';
import { counterexampleOf } from '../support/counterexample.ts';

const forecasts = suite('seat forecast');

const candidate = (instance: string, taken: number, max = 10): Candidate => ({
  region: 'eu',
  world: 'a',
  instance,
  controlUrl: '',
  state: 'active',
  max,
  taken,
});

forecasts('a seat that was asked for counts until the listing must show it', () => {
  const forecast = new SeatForecast();
  const listed = candidate('one', 3);
  const taken = (shown: number, nowMs: number): number =>
    forecast.of(candidate('one', shown), nowMs).taken;
  assert.is(forecast.of(listed, 0), listed);
  const ask = forecast.ask(forecast.of(listed, 0), 0);
  assert.is(taken(3, 5000), 4, 'it is under way');
  forecast.answered(ask, 'new', 5000);
  assert.is(taken(3, 5000 + LISTING_LAG_MS - 1), 4);
  assert.is(taken(4, 5000 + LISTING_LAG_MS - 1), 4, 'the listing shows it: it counts once');
  assert.is(taken(1, 5000 + LISTING_LAG_MS - 1), 2, 'two have left');
  assert.is(taken(3, 5000 + LISTING_LAG_MS), 3);
});

forecasts(
  'a refusal and a seat that he had take no seat, an answer that never came may have',
  () => {
    for (const [result, taken] of [
      ['same', 3],
      ['draining', 3],
      ['full', 3],
      ['unreachable', 4],
      ['new', 4],
    ] as const) {
      const forecast = new SeatForecast();
      forecast.answered(forecast.ask(candidate('one', 3), 0), result, 1);
      assert.is(forecast.of(candidate('one', 3), 1).taken, taken, result);
    }
  },
);

forecasts(
  'an instance that said that it is full is asked last, until the listing must know',
  () => {
    const forecast = new SeatForecast();
    forecast.answered(forecast.ask(candidate('one', 9), 0), 'full', 0);
    const first = (nowMs: number): string | undefined =>
      chooseInstance(
        [candidate('one', 9), candidate('two', 0), candidate('three', 10)].map((listed) =>
          forecast.of(listed, nowMs),
        ),
        null,
      )?.instance;
    assert.is(first(LISTING_LAG_MS - 1), 'two');
    assert.is(first(LISTING_LAG_MS), 'one');
  },
);

forecasts('what is over is forgotten, and an instance keeps a thousand asks at most', () => {
  const forecast = new SeatForecast();
  for (let number = 0; number < 300; number += 1)
    forecast.answered(forecast.ask(candidate(`${number}`, 0), 0), number % 2 ? 'new' : 'full', 0);
  assert.is(forecast.size, 300);
  forecast.ask(candidate('one', 0), LISTING_LAG_MS);
  assert.is(forecast.size, 1);
  for (let number = 0; number < 1500; number += 1)
    forecast.ask(forecast.of(candidate('one', 0, 5000), 0), LISTING_LAG_MS);
  assert.is(forecast.of(candidate('one', 0, 5000), LISTING_LAG_MS).taken, 1000);
});

// ---- bursts

interface Burst {
  readonly worlds: number;
  readonly seats: number;
  /** For each world, how much older than the truth its listing is. */
  readonly lagsMs: readonly number[];
  /** One for each join. */
  readonly joins: readonly {
    readonly atMs: number;
    readonly thereMs: number;
    readonly backMs: number;
  }[];
  /** How many apis share the joins; none knows of the others' but by the listing. */
  readonly apis: number;
}

interface Outcome {
  readonly seated: number;
  readonly mostAsked: number;
}

/** Plays a burst: each world decides when it is asked, the api hears it later, and the listing shows it later still. */
function play(burst: Burst, make: () => SeatForecast): Outcome {
  const known = Array.from({ length: burst.apis }, make);
  const takenAtMs = Array.from({ length: burst.worlds }, (): number[] => []);
  const events: { atMs: number; run: (nowMs: number) => void }[] = [];
  const later = (atMs: number, run: (nowMs: number) => void): void =>
    void events.push({ atMs, run });
  let seated = 0;
  let mostAsked = 0;
  const listed = (nowMs: number): Candidate[] =>
    takenAtMs.map((times, world) => {
      const shown = times.filter((atMs) => atMs <= nowMs - (burst.lagsMs[world] ?? 0)).length;
      return candidate(String(world), shown, burst.seats);
    });
  for (const [number, { atMs, thereMs, backMs }] of burst.joins.entries()) {
    const api = known[number % burst.apis];
    if (api === undefined) throw new Error('There is no api.');
    const asked: string[] = [];
    const askNext = (startMs: number): void => {
      const next = chooseInstance(
        listed(startMs).map((one) => api.of(one, startMs)),
        null,
        asked,
      );
      if (next === null || asked.length === MAX_ASKED) return;
      asked.push(next.instance);
      mostAsked = Math.max(mostAsked, asked.length);
      const ask = api.ask(next, startMs);
      later(startMs + thereMs, (decidedMs) => {
        const times = takenAtMs[Number(next.instance)] ?? [];
        const isSeat = times.length < burst.seats;
        if (isSeat) times.push(decidedMs);
        later(decidedMs + backMs, (heardMs) => {
          api.answered(ask, isSeat ? 'new' : 'full', heardMs);
          if (isSeat) seated += 1;
          else askNext(heardMs);
        });
      });
    };
    later(atMs, askNext);
  }
  for (;;) {
    const next = events.toSorted((a, b) => a.atMs - b.atMs)[0];
    if (next === undefined) return { seated, mostAsked };
    events.splice(events.indexOf(next), 1);
    next.run(next.atMs);
  }
}

const burstOf = (apis: number): fc.Arbitrary<Burst> =>
  fc
    .record({ worlds: fc.integer({ min: 1, max: 8 }), seats: fc.integer({ min: 1, max: 6 }) })
    .chain(({ worlds, seats }) => {
      const ms = (max: number) => fc.integer({ min: 0, max });
      const join = fc.record({ atMs: ms(4000), thereMs: ms(300), backMs: ms(300) });
      return fc.record({
        worlds: fc.constant(worlds),
        seats: fc.constant(seats),
        apis: fc.constant(apis),
        lagsMs: fc.array(ms(LISTING_LAG_MS), { minLength: worlds, maxLength: worlds }),
        joins: fc.array(join, {
          minLength: Math.ceil((worlds * seats) / 2),
          maxLength: worlds * seats,
        }),
      });
    });

function checkBursts(make: () => SeatForecast): void {
  fc.assert(
    fc.property(burstOf(1), (burst) => {
      const { seated, mostAsked } = play(burst, make);
      const { joins } = burst;
      if (seated < joins.length) throw new Error(`${joins.length - seated} have no seat`);
      if (mostAsked > 1) throw new Error('a seat was asked for where there was none');
    }),
    { numRuns: 500 },
  );
}

forecasts('however old the listing is, a burst finds each free seat at the first asking', () => {
  checkBursts(() => new SeatForecast());
});

forecasts('without what an api has asked, many of a burst find no seat', async () => {
  const { SeatForecast: Altered } = await alteredRule<{ SeatForecast: typeof SeatForecast }>(
    'seatForecast.ts',
    'if (known === undefined) return listed;',
    'return listed;',
  );
  assert.throws(() => checkBursts(() => new Altered()), counterexampleOf(/have no seat|was none/));
  const whole: Burst = {
    worlds: 9,
    seats: 5,
    apis: 1,
    lagsMs: Array.from({ length: 9 }, () => 1000),
    joins: Array.from({ length: 45 }, (_unused, at) => ({ atMs: at * 10, thereMs: 5, backMs: 5 })),
  };
  assert.equal(
    play(whole, () => new Altered()),
    { seated: 15, mostAsked: 3 },
  );
  assert.equal(
    play(whole, () => new SeatForecast()),
    { seated: 45, mostAsked: 1 },
  );
});

forecasts.run();
