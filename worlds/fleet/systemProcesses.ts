/** Processes of this machine, told apart by pid and start time: the system gives a pid again. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ProcessName } from './slotStore.ts';

/** The field of /proc/PID/stat behind the name of the program, counted from its state (proc(5)). */
const START_FIELD = 19;

/** @returns when the process was started; null if there is none of that pid, or it has ended. */
export function startTimeOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      // Of a process that has ended, the system keeps the exit code until the parent reads it.
      return fields[0] === 'Z' ? null : (fields[START_FIELD] ?? null);
    }
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', `${pid}`], { encoding: 'utf8' });
    return text.trim() || null;
  } catch {
    return null;
  }
}

export const isAlive = ({ pid, startTime }: ProcessName): boolean => startTimeOf(pid) === startTime;

/** Kills the process, unless its pid is another's by now. */
export function killProcess(name: ProcessName): void {
  if (!isAlive(name)) return;
  try {
    process.kill(name.pid, 'SIGKILL');
  } catch {
    // It ended between.
  }
}
