/**
 * `npm run chaos`: real nodes under real faults. Exit code 0, 1 if a promise was broken, 2 for wrong
 * usage.
 */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  chooseNetwork,
  folderInside,
  folderOfThisProcess,
  runInside,
  settleInside,
} from './launch.ts';
import { clearLeftovers } from './leftovers.ts';
import type { NetworkKind } from './network/network.ts';
import { type Options, readOptions } from './options.ts';
import { TABLE_HEAD, tableRow, violationsText, writesIn } from './report.ts';
import { type RunOptions, runOnce } from './run.ts';

const EXIT_CODE_OF_A_SIGNAL = 130;

const stopping = new AbortController();
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    signals += 1;
    // A second signal ends the run at once.
    if (signals > 1) process.exit(EXIT_CODE_OF_A_SIGNAL);
    stopping.abort();
  });

const words = process.argv.slice(2);
const options = readOptions(words);
try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function main(): Promise<number> {
  const folder = folderInside();
  if (folder !== undefined) {
    await settleInside(() => stopping.abort());
    return runSeeds('namespaces', folder);
  }
  clearLeftovers();
  const network = await chooseNetwork(options.network);
  if (network === 'namespaces')
    return runInside([fileURLToPath(import.meta.url), ...words], stopping.signal, options.keep);
  const own = folderOfThisProcess();
  process.on('exit', () => {
    if (!options.keep) rmSync(own, { recursive: true, force: true, maxRetries: 3 });
  });
  return runSeeds(network, own);
}

async function runSeeds(network: NetworkKind, folder: string): Promise<number> {
  const total = { seeds: 0, requests: 0, writes: 0, violations: 0 };
  const passedOver = new Set<string>();
  console.log(TABLE_HEAD);
  for (const seed of options.seeds) {
    const run = optionsOf(options, seed, network, `${folder}/seed${seed}`);
    try {
      const result = await runOnce(run, stopping.signal);
      console.log(tableRow(run, result));
      if (result.violations.length > 0) console.log(`\n${violationsText(run, result)}\n`);
      total.seeds += 1;
      total.requests += result.evidence.calls.length;
      total.writes += writesIn(result.evidence);
      total.violations += result.violations.length;
      for (const reason of result.faults.passedOver) passedOver.add(reason);
    } catch (error) {
      if (!stopping.signal.aborted) throw error;
      console.error('It was stopped before its end.');
      return EXIT_CODE_OF_A_SIGNAL;
    } finally {
      if (!options.keep) rmSync(run.directory, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  for (const reason of passedOver) console.log(reason);
  if (options.keep) console.log(`The directories are kept in ${folder}.`);
  console.log(JSON.stringify(total));
  return total.violations === 0 ? 0 : 1;
}

function optionsOf(
  { nodes, minutes, faults, settings, main: command, verbose }: Options,
  seed: number,
  network: NetworkKind,
  directory: string,
): RunOptions {
  const begunAt = performance.now();
  const tell = (text: string): void => {
    if (verbose) console.error(`${((performance.now() - begunAt) / 1000).toFixed(1)}s ${text}`);
  };
  const lengthMs = minutes * 60_000;
  return { seed, nodes, lengthMs, network, faults, settings, main: command, directory, tell };
}
