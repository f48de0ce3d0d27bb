/**
 * A world beside a room of Colyseus with the same simulation, ticks and rate of frames: bytes that a player gets, and
 * processor time of the process, in turns of one run. Colyseus is installed for the run, outside of the lockfile.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { lineOf, processorMsOf, runBots, saidBy } from './programs.ts';
import type { RunningWorlds } from './runningWorlds.ts';

const PACKAGES = [
  ...['@colyseus/core@0.17.51', '@colyseus/ws-transport@0.17.13', '@colyseus/schema@4.0.31'],
  // The transport asks for it.
  'express@5.3.0',
];

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const botsSchema = z.object({ seated: z.number(), bytesPerSecond: z.number() });

interface Turn {
  readonly bytesPerSecond: number;
  /** Of processor time, of one second. */
  readonly processorMs: number;
}

export interface ColyseusFigures {
  readonly players: number;
  readonly rounds: number;
  readonly worlds: Turn;
  readonly colyseus: Turn;
  readonly bytesRatio: number;
  readonly processorRatio: number;
}

/** @param world as region/world, of one instance. @param rounds of which the medians are told. */
export async function benchColyseus(
  worlds: RunningWorlds,
  world: string,
  { players, seconds, rounds }: { players: number; seconds: number; rounds: number },
): Promise<ColyseusFigures> {
  await using ends = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'hearsay-colyseus-'));
  ends.defer(() => rm(folder, { recursive: true, force: true }));
  await install(folder);
  const server = spawn(process.execPath, [fileOf('colyseusServer.mjs'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  ends.defer(() => void server.kill('SIGKILL'));
  const url = `http://127.0.0.1:${await saidBy(server, /^port (\d+)$/m)}`;
  const words = [fileOf('colyseusBots.mjs'), url, `${players}`, `${seconds}`];
  const [own, theirs]: [Turn[], Turn[]] = [[], []];
  const check = (seated: number): void => {
    if (seated !== players) throw new Error(`${seated} of ${players} players were seated.`);
  };
  for (let round = 0; round < rounds; round += 1) {
    const ours = await processorMsOf(worlds.pidOf(world), () =>
      runBots(worlds.edgeUrl, { count: players, seconds, world }),
    );
    check(ours.result.seated);
    own.push({ bytesPerSecond: ours.result.bytesPerSecond, processorMs: ours.ms / seconds });
    const other = await processorMsOf(server.pid ?? 0, async () =>
      botsSchema.parse(await lineOf(words)),
    );
    check(other.result.seated);
    theirs.push({ bytesPerSecond: other.result.bytesPerSecond, processorMs: other.ms / seconds });
    // Bots go without a word: their seats are held for half a minute.
    await new Promise((resolve) => setTimeout(resolve, HELD_MS));
  }
  const [of, to] = [medians(own), medians(theirs)];
  return {
    players,
    rounds,
    worlds: of,
    colyseus: to,
    bytesRatio: of.bytesPerSecond / to.bytesPerSecond,
    processorRatio: of.processorMs / to.processorMs,
  };
}

const HELD_MS = 32_000;

async function install(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true}\n');
  const words = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES];
  await promisify(execFile)('npm', words, { cwd: folder });
}

const medians = (turns: readonly Turn[]): Turn => ({
  bytesPerSecond: median(turns.map(({ bytesPerSecond }) => bytesPerSecond)),
  processorMs: median(turns.map(({ processorMs }) => processorMs)),
});

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
