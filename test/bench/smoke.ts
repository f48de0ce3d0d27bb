/** Runs a bench once, with few keys and for moments: its answers are checked, its figures mean nothing. */
import * as assert from 'uvu/assert';
import { benches } from '../../bench/benches.ts';
import { SMOKE } from '../../bench/scale.ts';

/** So few run in `npm test`: they try a node by itself, one that is measured, the load, Redis and watchers. */
export const USUAL: ReadonlySet<string> = new Set(['embedded', 'get', 'pause', 'watch']);

export const SLOW: readonly string[] = [...benches.keys()].filter((name) => !USUAL.has(name));

export async function smoke(name: string): Promise<void> {
  const bench = benches.get(name);
  if (bench === undefined) throw new Error(`There is no bench ${name}.`);
  const { figures, skipped } = await bench.run(SMOKE);
  for (const sentence of skipped) console.log(`${name} skipped a part: ${sentence}`);
  assert.ok(figures.length > 0 || skipped.length > 0);
  assert.is(new Set(figures.map((figure) => figure.name)).size, figures.length, 'names differ');
  for (const figure of figures) assert.not.ok(Number.isNaN(figure.value), figure.name);
}
