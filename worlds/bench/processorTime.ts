/** The processor time of a process, in steps of 10 ms (proc(5), utime and stime of /proc/PID/stat). */
import { readFileSync } from 'node:fs';

const STEP_MS = 10;

/** @returns milliseconds since its start, of all its threads. */
export function processorMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program stands in brackets, and may hold anything.
  const [utime = 0, stime = 0] = text.slice(text.lastIndexOf(')')).split(' ').slice(12).map(Number);
  return (utime + stime) * STEP_MS;
}
