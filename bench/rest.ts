/** GET and PUT of one node against the bare server, in turn, so that both meet the same noise. */
import { atLeast, type Figure, median, plain } from './figures.ts';
import { fillKeys } from './fill.ts';
import { KEYS, load, type Method } from './load.ts';
import { startBareServer, startNodes } from './nodes.ts';

const CONNECTIONS = 32;
const LEAST: Readonly<Record<Method, number>> = { GET: 0.55, PUT: 0.4 };

/** @param rounds the number of measurements of each. @param seconds the length of each measurement. */
export async function benchRest(rounds: number, seconds: number): Promise<Figure[]> {
  await using bare = await startBareServer();
  await using node = await startNodes(1);
  await fillKeys(node.urls[0] ?? '', KEYS, 1); // every key that is asked for is there
  const figures: Figure[] = [];
  for (const method of ['PUT', 'GET'] as const) {
    const rates = { bare: [] as number[], node: [] as number[], ratio: [] as number[] };
    for (let round = 0; round <= rounds; round++) {
      const yardstick = await measure(bare.urls[0], method, seconds);
      const ours = await measure(node.urls[0], method, seconds);
      if (round === 0) continue; // warms both up
      rates.bare.push(yardstick);
      rates.node.push(ours);
      rates.ratio.push(ours / yardstick);
    }
    figures.push(plain(`${method}, bare server`, median(rates.bare), '1/s'));
    figures.push(plain(`${method}, node, durability=full`, median(rates.node), '1/s'));
    figures.push(atLeast(`${method}, ratio`, median(rates.ratio), '', LEAST[method]));
  }
  return figures;
}

async function measure(url: string | undefined, method: Method, seconds: number): Promise<number> {
  const { rate, errors } = await load({
    url: url ?? '',
    method,
    connections: CONNECTIONS,
    seconds,
  });
  if (errors > 0) throw new Error(`${errors} requests to ${url} failed`);
  return rate;
}
