import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Candidate, chooseInstance, MAX_ASKED } from '../../rules/instanceChoice.ts';
import { SeatForecast, SHOWN_AFTER_MS } from '../../rules/seatForecast.ts';

const forecasts = suite('seat forecast');

const listed = (instance: string, taken: number, max = 10): Candidate => ({
  region: 'eu',
  world: 'a',
  instance,
  controlUrl: '',
  state: 'active',
  max,
  taken,
});

forecasts('a seat that was asked for counts until the listing shows it', () => {
  const forecast = new SeatForecast();
  forecast.ask('1', 100);
  forecast.ask('1', 300);
  assert.is(forecast.of(listed('1', 4), 300).taken, 6);
  assert.is(forecast.of(listed('2', 4), 300).taken, 4);
  assert.is(forecast.of(listed('1', 4), 99 + SHOWN_AFTER_MS).taken, 6);
  assert.is(forecast.of(listed('1', 5), 100 + SHOWN_AFTER_MS).taken, 6);
  assert.is(forecast.of(listed('1', 6), 300 + SHOWN_AFTER_MS).taken, 6);
});

forecasts('a seat that was refused counts no more', () => {
  const forecast = new SeatForecast();
  forecast.ask('1', 100);
  forecast.ask('1', 200);
  forecast.refused('1', 100, false, 250);
  assert.is(forecast.of(listed('1', 4), 250).taken, 5);
  assert.is(forecast.of(listed('1', 4), 150 + SHOWN_AFTER_MS).taken, 5);
  // One that counts no more since long takes nothing away.
  forecast.refused('1', 100, false, 160 + SHOWN_AFTER_MS);
  assert.is(forecast.of(listed('1', 4), 160 + SHOWN_AFTER_MS).taken, 5);
});

forecasts('an instance that is full looks so until the listing shows it', () => {
  const forecast = new SeatForecast();
  forecast.ask('1', 100);
  forecast.refused('1', 100, true, 200);
  assert.is(forecast.of(listed('1', 4), 199 + SHOWN_AFTER_MS).taken, 10);
  assert.is(forecast.of(listed('1', 4), 200 + SHOWN_AFTER_MS).taken, 4);
});

/** The order in which joins take their steps: each asks, and hears the answer later. */
const burst = fc
  .array(fc.record({ taken: fc.nat(3), max: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 8,
  })
  .chain((instances) => {
    const free = instances.reduce((sum, { taken, max }) => sum + Math.max(0, max - taken), 0);
    return fc.record({
      instances: fc.constant(instances),
      steps: fc.array(fc.nat(Math.max(0, free - 1)), { maxLength: 3 * free }),
      free: fc.constant(free),
    });
  });

forecasts('while an old listing is all there is, no join is refused where seats are free', () => {
  fc.assert(
    fc.property(burst, ({ instances, steps, free }) => {
      const rows = instances.map(({ taken, max }, index) => listed(`${index}`, taken, max));
      const taken = new Map(rows.map((row) => [row.instance, row.taken]));
      const forecast = new SeatForecast();
      const joins = Array.from(
        { length: free },
        (): { at: Candidate | null; isSeated: boolean } => ({
          at: null,
          isSeated: false,
        }),
      );
      const every = joins.map((_join, index) => index);
      for (const [nowMs, index] of [...steps, ...every, ...every].entries()) {
        const join = joins[index];
        if (join === undefined || join.isSeated) continue;
        if (join.at === null) {
          const seen = rows.map((row) => forecast.of(row, nowMs));
          join.at = chooseInstance(seen, null);
          forecast.ask(join.at?.instance ?? '', nowMs);
          continue;
        }
        const { instance, max } = join.at;
        const before = taken.get(instance) ?? 0;
        assert.ok(before < max, `${instance} is full`);
        taken.set(instance, before + 1);
        join.isSeated = true;
      }
      assert.ok(joins.every(({ isSeated }) => isSeated));
    }),
  );
});

forecasts('one instance of which the listing knows too little costs a join one refusal', () => {
  const rows = Array.from({ length: 8 }, (_unused, index) => listed(`${index}`, 9 - index));
  const forecast = new SeatForecast();
  const full = new Set(['0', '1', '2', '3', '4', '5']);
  const refusals = Array.from({ length: 6 }, (_unused, nowMs) => {
    const refused: string[] = [];
    while (refused.length < MAX_ASKED) {
      const seen = rows.map((row) => forecast.of(row, nowMs));
      const at = chooseInstance(seen, null, refused);
      if (at === null) break;
      forecast.ask(at.instance, nowMs);
      if (!full.has(at.instance)) break;
      forecast.refused(at.instance, nowMs, true, nowMs);
      refused.push(at.instance);
    }
    return refused.length;
  });
  // The first two find out for the others.
  assert.equal(refusals, [3, 3, 0, 0, 0, 0]);
});

forecasts.run();
