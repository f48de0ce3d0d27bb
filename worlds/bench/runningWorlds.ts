/** `npm run worlds` as its bench starts it: in a directory and at ports of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SlotStore } from '../fleet/slotStore.ts';
import { type Place, planAt } from '../run/place.ts';
import type { RegionPlan } from '../run/worldsPlan.ts';

const MAIN = fileURLToPath(new URL('../../scripts/worlds.ts', import.meta.url));
const READY = /ready after ([\d.]+) s/;
const READY_LIMIT_MS = 120_000;

export interface Memory {
  readonly processes: number;
  /** Pages that processes share count once for each of them. */
  readonly residentMiB: number;
  /** Pages that processes share count once: the memory that the machine has given (proc(5), smaps_rollup). */
  readonly proportionalMiB: number;
}

export interface RunningWorlds extends AsyncDisposable {
  readonly readySeconds: number;
  readonly edgeUrl: string;
  readonly regions: readonly RegionPlan[];
  memory(): Promise<Memory>;
  /** @param world as region/world. @returns the process of its first slot. */
  pidOf(world: string): number;
  /** Interrupts it as Ctrl-C does. @returns how many of its processes are left after its end. */
  end(): Promise<number>;
}

/**
 * @param firstPort of the private listeners; the edge has the one before.
 * @param edge settings of the edge that differ from its defaults, as their environment variables.
 */
export async function startWorlds(
  firstPort: number,
  edge: Readonly<Record<string, string>>,
): Promise<RunningWorlds> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hearsay-worlds-bench-'));
  const place: Place = {
    dataDir,
    firstPort,
    edgePort: firstPort - 1,
    tlsCertFile: '',
    tlsKeyFile: '',
  };
  const child = spawn(
    process.execPath,
    [
      MAIN,
      '--data-dir',
      dataDir,
      '--first-port',
      `${place.firstPort}`,
      '--edge-port',
      `${place.edgePort}`,
    ],
    { env: { ...process.env, ...edge }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const untilMs = performance.now() + READY_LIMIT_MS;
  while (!READY.test(text)) {
    if (child.exitCode !== null || performance.now() > untilMs)
      throw new Error('The worlds did not start.');
    await wait(50);
  }
  const { regions, edgeUrl } = await planAt(place);
  const processes = (): Promise<string[]> => pidsThatName(dataDir);
  const end = async (): Promise<number> => {
    if (child.exitCode === null) child.kill('SIGINT');
    await ended;
    return (await processes()).length;
  };
  return {
    readySeconds: Number(READY.exec(text)?.[1]),
    edgeUrl,
    regions,
    memory: async () => {
      const sizes = await Promise.all((await processes()).map(sizesOf));
      const sum = (of: (size: { Rss: number; Pss: number }) => number): number =>
        sizes.reduce((total, size) => total + of(size), 0) / 1024;
      return {
        processes: sizes.length,
        residentMiB: sum(({ Rss }) => Rss),
        proportionalMiB: sum(({ Pss }) => Pss),
      };
    },
    pidOf: (world) => {
      const [name, word] = world.split('/');
      const data = regions.find(({ region }) => region === name)?.paths.data ?? '';
      using store = new SlotStore(join(data, 'fleet/slots.sqlite'));
      const pid = store.slots().find((slot) => slot.world === word)?.process?.pid;
      if (pid === undefined) throw new Error(`No process runs ${world}.`);
      return pid;
    },
    end,
    [Symbol.asyncDispose]: async () => {
      await end();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** @returns the processes whose command or environment names a directory. */
async function pidsThatName(directory: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const named = await Promise.all(
    pids.map(async (pid) => {
      const texts = ['cmdline', 'environ'].map((file) =>
        readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''),
      );
      return (await Promise.all(texts)).some((text) => text.includes(directory));
    }),
  );
  return pids.filter((pid, index) => named[index] && pid !== String(process.pid));
}

async function sizesOf(pid: string): Promise<{ Rss: number; Pss: number }> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { Rss: kib('Rss'), Pss: kib('Pss') };
}
