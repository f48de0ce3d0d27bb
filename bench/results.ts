/** `bench/results.json`: the figures of the last full run of each bench, with its machine. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { Figure, Outcome } from './figures.ts';
import { hugePages } from './hugePages.ts';
import { hasWrk } from './load.ts';

const RESULTS = new URL('./results.json', import.meta.url);

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** The program that makes the load of HTTP. */
  readonly load: string;
  /** Whether it lends huge pages, and to whom; missing in results of older versions. */
  readonly hugePages?: string | null;
}

export interface Section {
  readonly name: string;
  /** The end of the run, RFC 3339. */
  readonly at: string;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
  /** Missing in results of older versions. */
  readonly skipped?: readonly string[];
}

export function readResults(): readonly Section[] {
  if (!existsSync(RESULTS)) return [];
  return (JSON.parse(readFileSync(RESULTS, 'utf8')) as { sections: Section[] }).sections;
}

/** Sections of other benches keep the figures of their own last run. */
export function keep(name: string, { figures, skipped }: Outcome): void {
  const section: Section = {
    name,
    at: new Date().toISOString(),
    machine: machine(),
    figures,
    skipped,
  };
  const others = readResults().filter((other) => other.name !== name);
  writeFileSync(RESULTS, `${JSON.stringify({ sections: [...others, section] }, null, 2)}\n`);
}

function machine(): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    load: hasWrk ? 'wrk' : 'autocannon',
    hugePages: hugePages(),
  };
}
