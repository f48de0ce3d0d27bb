/**
 * The tools of the log: the speed at which they read two million ops on 100,000 keys, the growth of
 * their memory with the log, and their cost for a node that is being written.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeBigLog } from './bigLog.ts';
import { atLeast, atMost, type Figure, median, type Outcome, plain } from './figures.ts';
import { inTurn } from './inTurn.ts';
import { keyOf, PUT_BODY } from './keys.ts';
import { Load } from './load.ts';
import { fillKeys } from './nodeAnswers.ts';
import { startNodes } from './nodes.ts';
import { temporaryDirectory } from './processes.ts';
import { program } from './program.ts';
import { type Scale, scaled } from './scale.ts';

const OPS = 2_000_000;
const KEYS = 100_000;
const LEAST_OPS_PER_SECOND = 400_000;
const CONNECTIONS = 32;
const LEAST_BESIDE = 0.9;
const COMMANDS = [['verify'], ['at', 'now'], ['stat']] as const;

export async function benchLogTools(scale: Scale): Promise<Outcome> {
  return {
    figures: [...(await readingSpeed(scale)), ...(await costToNode(scale))],
    skipped: [],
  };
}

async function readingSpeed(scale: Scale): Promise<Figure[]> {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const ops = scaled(OPS, scale);
  await writeBigLog(at('long'), ops, KEYS);
  await writeBigLog(at('short'), Math.round(ops / 4), KEYS);
  const figures = [plain('ops in the log, on 100,000 keys', ops, '')];
  for (const words of COMMANDS) {
    const runs: Measured[] = [];
    for (let run = 0; run < scale.rounds; run++)
      runs.push(await measured([...words, '--data-dir', at('long')]));
    const rate = ops / median(runs.map((run) => run.seconds));
    const short = await measured([...words, '--data-dir', at('short')]);
    const peak = median(runs.map(({ peakBytes }) => peakBytes));
    const command = `log ${words.join(' ')}`;
    figures.push(atLeast(command, rate, 'ops/s', LEAST_OPS_PER_SECOND));
    figures.push(plain(`${command}, most memory`, peak / 2 ** 20, 'MiB'));
    figures.push(
      atMost(
        `${command}, memory / that of a log a quarter as long`,
        peak / short.peakBytes,
        '',
        1.5,
      ),
    );
  }
  return figures;
}

interface Measured {
  /** From the start of the process to its end. */
  readonly seconds: number;
  readonly peakBytes: number;
}

async function measured(words: readonly string[]): Promise<Measured> {
  const startedAt = performance.now();
  const child = spawnTool(words);
  let peakBytes = 0;
  const looking = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child));
  }, 20);
  try {
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code !== 0) throw new Error(`hearsay log ${words.join(' ')} ended with ${code}`);
    return { seconds: (performance.now() - startedAt) / 1000, peakBytes };
  } finally {
    clearInterval(looking);
  }
}

const spawnTool = (words: readonly string[]): ChildProcess =>
  spawn(process.execPath, [program(), 'log', ...words], { stdio: ['ignore', 'ignore', 'ignore'] });

/** As Linux knows it; 0 elsewhere. */
function peakOf({ pid }: ChildProcess): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** PUTs with and without others, in turn, so that both meet the same noise. */
async function costToNode(scale: Scale): Promise<Figure[]> {
  await using node = await startNodes(1);
  const [url = ''] = node.urls;
  const [directory = ''] = node.directories;
  const keys = scaled(KEYS, scale);
  await fillKeys(url, keys);
  using puts = new Load(
    CONNECTIONS,
    Array.from({ length: keys }, (_, index) => ({
      method: 'PUT',
      path: `/cache/${keyOf(index)}`,
      body: PUT_BODY,
    })),
  );
  const besides = async (start: () => Endless[]): Promise<number> => {
    const measured = await inTurn<'alone' | 'beside', 'perSecond'>(scale, {
      alone: () => puts.run(url, scale.seconds),
      beside: async () => {
        const others = start();
        try {
          return await puts.run(url, scale.seconds);
        } finally {
          await Promise.all(others.map((other) => other.stop()));
        }
      },
    });
    return measured.ratio('beside', 'alone', 'perSecond');
  };
  const readers = (...place: string[]): Endless[] => [
    new Endless(() => spawnTool(['tail', '-f', ...place]), false),
    new Endless(() => spawnTool(['stat', ...place]), true),
  ];
  const spinners = (): Endless[] => [
    new Endless(spawnSpinner, false),
    new Endless(spawnSpinner, false),
  ];
  const name = (how: string): string => `PUT beside tail -f and stat ${how}, ratio`;
  return [
    atLeast(
      name('of its directory'),
      await besides(() => readers('--data-dir', directory)),
      '',
      LEAST_BESIDE,
    ),
    atLeast(name('by its URL'), await besides(() => readers('--url', url)), '', LEAST_BESIDE),
    plain(
      'PUT beside two processes that only spin, at the lowest priority, ratio',
      await besides(spinners),
      '',
    ),
  ];
}

/** The cost of two readers that have nothing to do with the node: that of the processor alone. */
const spawnSpinner = (): ChildProcess =>
  spawn(process.execPath, ['--eval', "require('node:os').setPriority(19); for (;;);"], {
    stdio: 'ignore',
  });

/** A process that runs until it is stopped: started again and again where it ends by itself. */
class Endless {
  readonly #spawn: () => ChildProcess;
  readonly #isRepeated: boolean;
  #child: ChildProcess;
  #isStopped = false;

  constructor(spawnOne: () => ChildProcess, isRepeated: boolean) {
    this.#spawn = spawnOne;
    this.#isRepeated = isRepeated;
    this.#child = this.#start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#child.exitCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }

  #start(): ChildProcess {
    const child = this.#spawn();
    child.once('exit', () => {
      if (this.#isRepeated && !this.#isStopped) this.#child = this.#start();
    });
    return child;
  }
}
