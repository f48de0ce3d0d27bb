/** `npm run worlds` as a test starts it: both regions in a directory of their own, with bots that play. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { patience } from '../../../scripts/patience.ts';
import { freePorts } from '../../../test/support/ports.ts';
import {
  type CommandProcess,
  temporaryDirectory,
  waitFor,
} from '../../../test/support/processes.ts';
import { Bot, type BotOptions } from '../../bots/bot.ts';
import { MOST_LOST_MS } from '../../bots/progressCheck.ts';
import { SlotStore, type StoredSlot } from '../../fleet/slotStore.ts';
import { readTokens } from '../../process/tokenFile.ts';
import { type Place, planAt } from '../../run/place.ts';
import { PORTS, type Program, type RegionPlan, type WorldsPlan } from '../../run/worldsPlan.ts';
import { type Cache, openCache } from '../../tables/cache.ts';
import { startProgram } from './programs.ts';

const READY_LIMIT_MS = 120_000;

export interface Killed {
  readonly name: string;
  /** Until it answered again. */
  readonly awayMs: number;
}

export class RunningRegions implements AsyncDisposable {
  readonly place: Place;
  readonly plan: WorldsPlan;
  readonly process: CommandProcess;
  /** Of all bots that were ever entered. */
  readonly bots: Bot[] = [];
  readonly #ends: AsyncDisposableStack;

  private constructor(
    place: Place,
    plan: WorldsPlan,
    process: CommandProcess,
    ends: AsyncDisposableStack,
  ) {
    this.place = place;
    this.plan = plan;
    this.process = process;
    this.#ends = ends;
  }

  /** @param settings beside those of the place, by their flags. */
  static async start(
    settings: Readonly<Record<string, string | number>> = {},
  ): Promise<RunningRegions> {
    await using starting = new AsyncDisposableStack();
    const { path: dataDir } = starting.use(await temporaryDirectory());
    const firstPort = await freePorts(PORTS + 1);
    const place = {
      dataDir,
      firstPort,
      edgePort: firstPort + PORTS,
      tlsCertFile: '',
      tlsKeyFile: '',
    };
    const process = starting.use(
      startProgram('main.ts', {
        'data-dir': dataDir,
        'first-port': firstPort,
        'edge-port': place.edgePort,
        ...settings,
      }),
    );
    starting.defer(async () => {
      process.signal('SIGINT');
      await process.ended();
    });
    await waitFor(() => process.stdout.includes('ready after'), READY_LIMIT_MS, 'all are ready');
    const regions = new RunningRegions(place, await planAt(place), process, starting.move());
    return regions;
  }

  get edgeUrl(): string {
    return this.plan.edgeUrl;
  }

  region(name: string): RegionPlan {
    const found = this.plan.regions.find(({ region }) => region === name);
    if (found === undefined) throw new Error(`There is no region ${name}.`);
    return found;
  }

  slots(region: string): StoredSlot[] {
    using store = new SlotStore(join(this.region(region).paths.data, 'fleet/slots.sqlite'));
    return store.slots();
  }

  /** @returns the slot whose last process is the instance. */
  slotOf(instance: string): StoredSlot | undefined {
    const [region = ''] = instance.split('-');
    return this.slots(region).find(
      ({ world, slot, epoch }) => instance === `${region}-${world}-${slot}-${epoch}`,
    );
  }

  /** @throws Error if no process of it is known. */
  pidOf(instance: string): number {
    const { process: found = null } = this.slotOf(instance) ?? {};
    if (found === null) throw new Error(`The process of ${instance} is unknown.`);
    return found.pid;
  }

  pidOfProgram(program: Program): number {
    return Number(readFileSync(join(this.#logsOf(program), `${program.name}.pid`), 'utf8'));
  }

  /** Kills a program, and waits until another process answers in its place. */
  async kill(program: Program): Promise<Killed> {
    const pid = this.pidOfProgram(program);
    const atMs = performance.now();
    process.kill(pid, 'SIGKILL');
    await waitFor(
      async () => this.pidOfProgram(program) !== pid && (await fetch(program.healthUrl)).ok,
      10_000,
      `${program.name} is back`,
    );
    return { name: program.name, awayMs: performance.now() - atMs };
  }

  /** One that the caller disposes of. */
  enterBot(options: Pick<BotOptions, 'number'> & Partial<BotOptions>): Promise<Bot> {
    const usual = {
      edgeUrl: this.edgeUrl,
      regions: ['eu', 'us'],
      random: Math.random,
      mostLostMs: within(MOST_LOST_MS),
    };
    return Bot.enter({ ...usual, ...options });
  }

  /** @param regions the preferred ones first. */
  async enter(count: number, regions: readonly string[] = ['eu', 'us']): Promise<Bot[]> {
    const from = this.bots.length;
    const bots = await Promise.all(
      Array.from({ length: count }, (_unused, index) =>
        this.enterBot({ number: from + index, regions, seeksCoins: true, waitsForSeat: true }),
      ),
    );
    this.bots.push(...bots);
    for (const bot of bots) this.#ends.use(bot);
    const areInPlay = (): boolean => {
      const others = bots.filter(({ isInPlay }) => !isInPlay);
      if (others.length === 0) return true;
      throw new Error(others.map(({ stopped, refusedBy }) => `${stopped} ${refusedBy}`).join(', '));
    };
    await waitFor(areInPlay, 20_000, 'all bots are in play');
    return bots;
  }

  /** With the tokens of operators, who may read all keys. */
  async cache(region: string, endpoints = this.region(region).nodeUrls): Promise<Cache> {
    const { paths } = this.region(region);
    return openCache({ endpoints, token: await readTokens(paths.tokenFile('operator')) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends.disposeAsync();
  }

  #logsOf(program: Program): string {
    const region = this.plan.regions.find((one) =>
      [...one.nodes, ...one.services, one.fleet].includes(program),
    );
    return join(region?.paths.data ?? this.place.dataDir, 'logs');
  }
}

/** The players of an instance. */
export const playersOf = (bots: readonly Bot[], instance: string): Bot[] =>
  bots.filter((bot) => bot.instance === instance);

/** The instance with the most of the bots. */
export function fullestOf(bots: readonly Bot[]): string {
  const counts = Map.groupBy(bots, ({ instance }) => instance ?? '');
  counts.delete('');
  const [fullest] = [...counts].toSorted(([, a], [, b]) => b.length - a.length);
  if (fullest === undefined) throw new Error('Nobody plays.');
  return fullest[0];
}

/** A limit in milliseconds on an idle machine, as it counts on this one now. */
export const within = (ms: number): number => ms * patience();
