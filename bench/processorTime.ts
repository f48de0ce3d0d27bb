/** The processor time of another process, user's and system's, as Linux counts it for all its threads. */
import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second on every machine that Node runs on. */
const TICK_MS = 10;
/** Places of utime and stime after the name of the program, which may hold spaces and brackets itself. */
const USER_FIELD = 11;
const SYSTEM_FIELD = 12;

/** @returns milliseconds since the start of the process, in steps of 10. */
export function processorMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_FIELD]) + Number(fields[SYSTEM_FIELD])) * TICK_MS;
}
