/** The time that a process takes of the processors (proc(5)), in steps of 10 ms, and how often it wakes. */
import { readFileSync } from 'node:fs';

const STEP_MS = 10;

/** @returns milliseconds since its start, of all its threads. */
export function processorMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program stands in brackets, and may hold anything.
  const [utime = 0, stime = 0] = text.slice(text.lastIndexOf(')')).split(' ').slice(12).map(Number);
  return (utime + stime) * STEP_MS;
}

/** @returns how often the first thread has gone to sleep since its start. */
export const sleeps = (pid: number): number =>
  Number(
    /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
  );
