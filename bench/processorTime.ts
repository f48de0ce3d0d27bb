/** The processor time of another process, user's and system's, as Linux's scheduler counts it for each of its threads. */
import { readdirSync, readFileSync } from 'node:fs';

const NANOSECONDS_A_MS = 1e6;

/** The file of a thread that ended before it was opened is not there, and one that was open can't be read. */
const ENDED: ReadonlySet<unknown> = new Set(['ENOENT', 'ESRCH']);

/**
 * @param processes the directory of the processes; another one only for tests.
 * @returns milliseconds that the threads which run now have taken since their start.
 */
export function processorMs(pid: number, processes = '/proc'): number {
  const threads = `${processes}/${pid}/task`;
  return readdirSync(threads).reduce(
    (sum, thread) => sum + threadMs(`${threads}/${thread}/schedstat`),
    0,
  );
}

/** @returns 0 for a thread that has ended since the threads were listed. */
function threadMs(file: string): number {
  try {
    const [nanoseconds] = readFileSync(file, 'utf8').split(' ');
    return Number(nanoseconds) / NANOSECONDS_A_MS;
  } catch (error) {
    if (error instanceof Error && 'code' in error && ENDED.has(error.code)) return 0;
    throw error;
  }
}
