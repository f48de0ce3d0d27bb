/** Removes the files of a run that was killed together with the process that would have removed them. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FOLDER_PREFIX } from './launch.ts';

/** @param parent where the folders of runs are. @returns the folders that it has removed. */
export function clearLeftovers(parent = tmpdir()): string[] {
  const folders = readdirSync(parent)
    .filter((name) => name.startsWith(FOLDER_PREFIX))
    .filter((name) => !isAlive(Number(name.slice(FOLDER_PREFIX.length))))
    .map((name) => join(parent, name));
  for (const folder of folders) {
    for (const pid of processesIn(folder)) kill(pid);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return folders;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another person's process answers with EPERM.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Nodes whose data directory is in the folder, by their environment; none where there is no /proc. */
function processesIn(folder: string): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid > 0 && pid !== process.pid)
      .filter((pid) => environmentOf(pid).includes(`\0DATA_DIR=${folder}/`));
  } catch {
    return [];
  }
}

function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
  } catch {
    // It has ended, or is somebody else's.
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
