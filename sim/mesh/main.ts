/**
 * `npm run mesh`: measures clusters of many nodes in the simulator.
 *
 *   npm run mesh -- --nodes 12,60          how far ops go, how many bytes nodes send
 *   npm run mesh -- --nodes 300 --write    writes the figures and plots of docs/scale.md anew
 */
import { Command } from 'commander';
import { type Measured, measureMesh } from './measure.ts';

const counts = (text: string): number[] => text.split(',').map(Number);

const program = new Command('npm run mesh --')
  .description('Measures clusters of many nodes in the simulator.')
  .option('--nodes <counts>', 'sizes of the clusters', counts, [12, 60])
  .option('--seed <number>', 'of the chance', Number, 1);

const { nodes, seed } = program.parse().opts<{ nodes: number[]; seed: number }>();
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const figures: Measured[] = [];
for (const count of nodes) {
  const beganAt = performance.now();
  const note = (text: string): void =>
    say(`${count} nodes, ${((performance.now() - beganAt) / 1000).toFixed(0)} s: ${text}`);
  figures.push(await measureMesh(count, seed, note));
}
console.log(JSON.stringify(figures, null, 1));
