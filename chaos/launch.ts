/**
 * The process in which a run begins. It makes the folder of the run. If root allows it, it starts the
 * run within namespaces of its own for network, mounts and processes: when that process ends, the
 * kernel ends all its processes and unmounts all its mounts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, succeeds } from './network/command.ts';
import type { NetworkKind } from './network/network.ts';

const FLAGS = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** Its value is the folder of the run, which the outer process removes. */
const INSIDE = 'HEARSAY_CHAOS_INSIDE';
export const FOLDER_PREFIX = 'hearsay-chaos-';

export const folderInside = (): string | undefined => process.env[INSIDE];
export const folderOfThisProcess = (): string => join(tmpdir(), `${FOLDER_PREFIX}${process.pid}`);

/** @throws Error where namespaces are asked for and can't be had. */
export async function chooseNetwork(wish: NetworkKind | null): Promise<NetworkKind> {
  if (wish === 'proxy') return wish;
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  const isPossible = isRoot && (await succeeds('unshare', ...FLAGS, 'ip', 'netns'));
  if (!isPossible && wish === 'namespaces')
    throw new Error('Namespaces need root, unshare and ip: use --network proxy here.');
  return isPossible ? 'namespaces' : 'proxy';
}

/** Runs this program once more, inside. @returns its exit code. */
export async function runInside(
  words: readonly string[],
  stopping: AbortSignal,
  keepsFolder: boolean,
): Promise<number> {
  const folder = folderOfThisProcess();
  const child = spawn('unshare', [...FLAGS, process.execPath, ...words], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, [INSIDE]: folder },
  });
  // The end of its input tells the inner process to stop, also where this one is killed.
  stopping.addEventListener('abort', () => child.stdin?.end(), { once: true });
  child.stdin?.on('error', () => {});
  process.on('exit', () => {
    child.kill('SIGKILL');
    if (!keepsFolder) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

/** Makes the inner process ready. @param stop is called when the outer process ends, or asks for it. */
export async function settleInside(stop: () => void): Promise<void> {
  // The names of namespaces stand under /run, and must not be seen outside.
  await command('mount', '-t', 'tmpfs', 'chaos', '/run');
  process.stdin.on('end', stop).resume();
}
