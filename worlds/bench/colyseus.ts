/**
 * A world beside a room of Colyseus with the same simulation, ticks and rate of frames: bytes that a player gets, and
 * processor time of the process, in turns of one run. Colyseus is installed for the run, outside of the lockfile.
 *
 * Players of both steer twice a second, at the same moments (`bots/steering.ts`). The room has no more than the simulation and its patches: no record is read or saved,
 * no token of identity is checked, nothing is told to a fleet or a cache, nobody is pinged, and there are no metrics.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { sleeps } from './processorTime.ts';
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
  /** Of processor time, of one second: the whole turn, with the arrival of the players. */
  readonly processorMs: number;
  /** The same, from `SETTLE_SECONDS` after the start of the turn on, when all have come. */
  readonly playProcessorMs: number;
  /** How often the process woke meanwhile, a second: each time takes it some 0.1 ms, whatever it has to do. */
  readonly playWakeUps: number;
}

export interface ColyseusFigures {
  readonly players: number;
  readonly rounds: number;
  readonly worlds: Turn;
  readonly colyseus: Turn;
  readonly bytesRatio: number;
  readonly processorRatio: number;
  readonly playProcessorRatio: number;
}

/**
 * @param world as region/world, of one instance.
 * @param seconds of one turn, more than `SETTLE_SECONDS` and a second.
 * @param rounds of which the medians are told.
 * @throws RangeError if a turn is too short.
 */
export async function benchColyseus(
  worlds: RunningWorlds,
  world: string,
  { players, seconds, rounds }: { players: number; seconds: number; rounds: number },
): Promise<ColyseusFigures> {
  if (seconds <= SETTLE_SECONDS + 1)
    throw new RangeError(`A turn beside Colyseus takes more than ${SETTLE_SECONDS + 1} seconds.`);
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
    const ours = await turnOf(worlds.pidOf(world), seconds, () =>
      runBots(worlds.edgeUrl, { count: players, seconds, world }),
    );
    check(ours.seated);
    own.push(ours);
    const other = await turnOf(server.pid ?? 0, seconds, async () =>
      botsSchema.parse(await lineOf(words)),
    );
    check(other.seated);
    theirs.push(other);
    // Bots go without a word: their seats are held for half a minute.
    await wait(HELD_MS);
  }
  const [of, to] = [medians(own), medians(theirs)];
  return {
    players,
    rounds,
    worlds: of,
    colyseus: to,
    bytesRatio: of.bytesPerSecond / to.bytesPerSecond,
    processorRatio: of.processorMs / to.processorMs,
    playProcessorRatio: of.playProcessorMs / to.playProcessorMs,
  };
}

const HELD_MS = 32_000;
/** Fifty players have come by then, and much of the code that they use is compiled. */
const SETTLE_SECONDS = 8;

/** @param play lasts `seconds` at least: its programs have to start before. */
async function turnOf(
  pid: number,
  seconds: number,
  play: () => Promise<z.output<typeof botsSchema>>,
): Promise<Turn & { readonly seated: number }> {
  const { result, ms } = await processorMsOf(pid, async () => {
    const playing = play();
    const settled = wait(SETTLE_SECONDS * 1000).then(() =>
      processorMsOf(pid, async () => {
        const before = sleeps(pid);
        await wait((seconds - SETTLE_SECONDS) * 1000);
        return sleeps(pid) - before;
      }),
    );
    const [{ seated, bytesPerSecond }, { ms: playMs, result: wakeUps }] = await Promise.all([
      playing,
      settled,
    ]);
    const playProcessorMs = playMs / (seconds - SETTLE_SECONDS);
    const playWakeUps = wakeUps / (seconds - SETTLE_SECONDS);
    return { seated, bytesPerSecond, playProcessorMs, playWakeUps };
  });
  return { ...result, processorMs: ms / seconds };
}

async function install(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true}\n');
  const words = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES];
  await promisify(execFile)('npm', words, { cwd: folder });
}

const medians = (turns: readonly Turn[]): Turn => ({
  bytesPerSecond: median(turns.map(({ bytesPerSecond }) => bytesPerSecond)),
  processorMs: median(turns.map(({ processorMs }) => processorMs)),
  playProcessorMs: median(turns.map(({ playProcessorMs }) => playProcessorMs)),
  playWakeUps: median(turns.map(({ playWakeUps }) => playWakeUps)),
});

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
