import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAPS } from '../../rules/maps.ts';
import * as rules from '../../rules/prediction.ts';
import { type Position, Simulation, type Step, TICK_MS } from '../../rules/simulation.ts';
import { alteredRule } from '../support/alteredRule.ts';
import { counterexampleOf } from '../support/counterexample.ts';

const prediction = suite('prediction');

const YOU = 1;
const step = fc.constantFrom<Step>(-1, 0, 1);
const direction = fc.record({ dx: step, dy: step });

interface Word {
  readonly at: Position;
  readonly seq: number;
}

/** A page and a server that are `away` ticks from each other. At each tick, the page says where it will be. */
function checkPrediction(
  { unconfirmedTicks, predictPosition }: typeof rules,
  directions: readonly { readonly dx: Step; readonly dy: Step }[],
  away: number,
): void {
  const map = MAPS.meadow;
  const simulation = new Simulation('meadow', { seed: 5, tick: 0, takings: [] });
  const { x, y } = simulation.add(YOU, { x: 40, y: 40 });
  const words: Word[] = [{ at: { x, y }, seq: 0 }];
  const predicted: Position[] = [];
  let ticks: rules.WalkedTick[] = [];
  let seq = 0;
  const seqs: number[] = [];
  for (let tick = 0; tick < directions.length; tick += 1) {
    const nowMs = tick * TICK_MS;
    // The server, which hears what the page did `away` ticks ago, and whose word is as long on its way.
    const heard = directions[tick - away];
    if (heard !== undefined) simulation.steer(YOU, seqs[tick - away] ?? 0, heard.dx, heard.dy);
    simulation.step();
    const figure = simulation.figure(YOU);
    if (figure === undefined) throw new Error('The figure is gone.');
    words.push({ at: { x: figure.x, y: figure.y }, seq: figure.seq });
    const word = words[tick - away + 1] ?? words[0];
    if (word === undefined) throw new Error('There is a first word.');
    ticks = unconfirmedTicks(ticks, word.seq, nowMs - 2 * away * TICK_MS);
    // The page.
    const wanted = directions[tick];
    if (wanted === undefined) return;
    const before = directions[tick - 1];
    if (before === undefined || wanted.dx !== before.dx || wanted.dy !== before.dy) seq += 1;
    seqs.push(seq);
    ticks.push({ ...wanted, seq, atMs: nowMs });
    predicted.push(predictPosition(map, word.at, ticks));
    // The server has now what the page said `away` ticks ago.
    const said = predicted[tick - away];
    if (said !== undefined) assert.equal({ x: figure.x, y: figure.y }, said, 'foreseen');
  }
}

const property = (checked: typeof rules) =>
  fc.property(
    fc.array(direction, { minLength: 1, maxLength: 120 }),
    fc.integer({ min: 1, max: 8 }),
    (directions, away) => checkPrediction(checked, directions, away),
  );

prediction('a page foresees where the server will have its figure, over any distance', () => {
  fc.assert(property(rules), { numRuns: 300 });
});

prediction('without either of its halves the foresight fails', async () => {
  for (const [code, replacement] of [
    ['seq > ackedSeq ||', ''],
    ['atMs > confirmedUntilMs', 'atMs >= confirmedUntilMs'],
    ['seq === ackedSeq && atMs > confirmedUntilMs', 'false'],
  ] as const) {
    const altered = await alteredRule<typeof rules>('prediction.ts', code, replacement);
    assert.throws(
      () => fc.assert(property(altered), { numRuns: 300, seed: 1 }),
      counterexampleOf(/foreseen/),
      code,
    );
  }
});

prediction('a page that hears nothing keeps no more than ten seconds of ticks', () => {
  const ticks = Array.from({ length: 1000 }, (_unused, at) => ({
    seq: 9,
    dx: 1 as const,
    dy: 0 as const,
    atMs: at * TICK_MS,
  }));
  const kept = rules.unconfirmedTicks(ticks, 0, 0);
  assert.is(kept.length, rules.MAX_UNCONFIRMED_TICKS);
  assert.is(kept.at(-1)?.atMs, 999 * TICK_MS);
});

prediction.run();
