/** `hearsay top`: the nodes of a cluster as a table that changes with them. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { HearsayError } from '../../words/errors.ts';
import { addClientOptions, type ClientFlags, durationMs } from '../cache/clientCommand.ts';
import type { Styled } from '../terminal/color.ts';
import { outputColumns, printLine } from '../terminal/output.ts';
import { Screen } from '../terminal/screen.ts';
import { stopSignal } from '../terminal/stopSignals.ts';
import { clockText } from '../terminal/text.ts';
import { wrapped } from '../terminal/width.ts';
import { judge } from './clusterStatus.ts';
import type { Gatherer } from './gather.ts';
import type { Observation } from './observation.ts';
import { ratesBetween } from './rates.ts';
import { gathererOf } from './status.ts';
import { topJson, topLines } from './statusText.ts';

interface TopFlags extends ClientFlags {
  /** Milliseconds. */
  readonly interval?: number;
}

const INTERVAL = '2s';
const ANSWER_TIMEOUT = '3s';
/** Between the two looks of the first frame, in milliseconds. */
const FIRST_PAUSE_MS = 500;

export function register(program: Command): void {
  const command = program
    .command('top')
    .summary('watch all nodes in a live table')
    .description(
      'Shows every node of the cluster with its lag, its rates and whether it agrees, until q. If the ' +
        'output is no terminal, it prints the table once, with the rates of one interval.',
    )
    .addOption(
      new Option('--interval <duration>', `time between two looks (default ${INTERVAL})`).argParser(
        durationMs,
      ),
    )
    .addHelpText('after', EXAMPLES)
    .action(top);
  addClientOptions(command, 'one', ANSWER_TIMEOUT);
}

async function top({ interval = durationMs(INTERVAL), ...flags }: TopFlags): Promise<void> {
  const gatherer = gathererOf(flags);
  if (process.stdout.isTTY === true && !flags.json) await new LiveTable(gatherer, interval).run();
  else await printOnce(gatherer, interval, flags.json === true);
}

async function printOnce(gatherer: Gatherer, intervalMs: number, isJson: boolean): Promise<void> {
  const earlier = await gatherer.observe(Date.now);
  await pause(intervalMs);
  const now = await gatherer.observe(Date.now);
  const [status, rates] = [judge(earlier, now), ratesBetween(earlier, now)];
  if (isJson) await printLine(topJson(status, rates));
  else for (const line of topLines(status, rates, outputColumns())) await printLine(line);
}

/** Draws the table until a key or a signal ends it. */
class LiveTable {
  readonly #gatherer: Gatherer;
  readonly #intervalMs: number;
  readonly #ending = new AbortController();
  readonly #screen: Screen;
  #earlier: Observation | null = null;
  #now: Observation | null = null;
  /** Why the last look failed; null if it did not. */
  #failure: string | null = null;
  #isExplained = false;

  constructor(gatherer: Gatherer, intervalMs: number) {
    this.#gatherer = gatherer;
    this.#intervalMs = intervalMs;
    this.#screen = new Screen(
      (key) => this.#onKey(key),
      () => this.#draw(),
    );
  }

  /** @throws HearsayError if no node answers at the first look. */
  async run(): Promise<void> {
    const { signal } = this.#ending;
    void stopSignal(() => process.exit(1)).then(() => this.#ending.abort());
    this.#now = await this.#gatherer.observe(Date.now);
    // One look has no rates, and may find nodes apart that were asked one after the other.
    await pause(Math.min(FIRST_PAUSE_MS, this.#intervalMs), undefined, { signal }).catch(() => {});
    await this.#look();
    this.#screen.open();
    try {
      while (!signal.aborted) {
        this.#draw();
        await pause(this.#intervalMs, undefined, { signal }).catch(() => {});
        if (!signal.aborted) await this.#look();
      }
    } finally {
      this.#screen.close();
    }
  }

  async #look(): Promise<void> {
    try {
      const now = await this.#gatherer.observe(Date.now);
      this.#earlier = this.#now;
      this.#now = now;
      this.#failure = null;
    } catch (error) {
      if (!(error instanceof HearsayError)) throw error;
      this.#failure = error.message;
    }
  }

  #onKey(key: string): void {
    if (key === 'q') this.#ending.abort();
    else this.#isExplained = key === '?' && !this.#isExplained;
    this.#draw();
  }

  #draw(): void {
    const columns = outputColumns() ?? 0;
    this.#screen.draw(this.#isExplained ? explanationLines(columns) : this.#lines(columns));
  }

  #lines(columns: number): Styled[] {
    const now = this.#now;
    if (now === null) return [];
    const earlier = this.#earlier ?? now;
    const failure = this.#failure === null ? [] : wrapped(this.#failure, columns, 2);
    return [
      ...topLines(judge(earlier, now), ratesBetween(earlier, now), columns),
      ...failure.map((line): Styled => [{ style: 'red', text: line }]),
      [],
      [{ style: 'dim', text: `${clockText(now.atMs).slice(0, 8)} UTC   q leaves   ? explains` }],
    ];
  }
}

/** The column where the explanations begin. */
const EXPLANATION_INDENT = 12;

const EXPLANATION: readonly string[] = [
  'NODE        the name of the node',
  "STATE       ok; degraded: a person should look; failing: it can't serve; heard: other nodes hear it, and it can't be asked from here; missing: nobody hears it",
  'AGREES      yes: it holds all ops that any node held at the last look; behind: it lacks some of them; no: it holds the same ops, and another map',
  'BEHIND      ops that it lacks now, and that another node holds',
  'LAG         age of the oldest op that another node has written and it lacks',
  'WRITES/S    ops that were born at this node in a second',
  'READS/S     requests to read, each counted once, also for a list',
  '409/S       writes that were refused, because the version was not greater',
  'WATCH       watchers that it serves',
  'CPU         share of one core',
  'MEMORY      of the process',
  'HOLDS BACK  whether all wait for it with the collection of dead entries, once it has not been heard for 10 s',
  '',
  'Any key goes back, q leaves.',
];

const explanationLines = (columns: number): Styled[] =>
  EXPLANATION.flatMap((line) => wrapped(line, columns, EXPLANATION_INDENT)).map((line) => [line]);

const EXAMPLES = `
Examples:
  hearsay top
  hearsay top --interval 500ms --url http://localhost:8001`;
