/** The processor time of another process, user's and system's, as Linux's scheduler counts it for each of its threads. */
import { readdirSync, readFileSync } from 'node:fs';

const NANOSECONDS_A_MS = 1e6;

/** @returns milliseconds that the threads which run now have taken since their start. */
export function processorMs(pid: number): number {
  const threads = `/proc/${pid}/task`;
  return readdirSync(threads).reduce((sum, thread) => {
    const [nanoseconds] = readFileSync(`${threads}/${thread}/schedstat`, 'utf8').split(' ');
    return sum + Number(nanoseconds) / NANOSECONDS_A_MS;
  }, 0);
}
