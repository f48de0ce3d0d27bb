/**
 * The room for young objects, bounded. V8 doubles it while many of its objects outlive a collection, on a machine
 * with much memory to 64 MiB a half: collections become few, and each stops the node for several milliseconds, which
 * shows in the 99th percentile of answers beside a stream of writes. With halves of 8 MiB one takes about a
 * millisecond, and the node holds 80 to 110 MiB less (docs/performance.md). V8 takes the size itself only from the
 * command line, but asks for the factor by which it grows each time, so the factor is 1 from the bound on.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { MIB } from '../words/size.ts';
import { collectGarbage } from './leanHeap.ts';

/** Both halves. Halves of 4 MiB took 0.8 ms, and a twentieth more processor time a PUT. */
const BOUND_BYTES = 16 * MIB;
const V8_FACTOR = 2;

/** Both halves of the room for young objects, in bytes. */
export const youngBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;

/**
 * From now on lets the room for young objects grow to 16 MiB only. It is for the program, because the flag counts for
 * the whole process. A bound that is smaller already (`--max-semi-space-size`) stays.
 *
 * @returns a function that lets it grow again.
 */
export function boundYoungHeap(): () => void {
  let factor = V8_FACTOR;
  const set = (next: number): void => {
    if (next === factor) return;
    factor = next;
    setFlagsFromString(`--semi-space-growth-factor=${factor}`);
  };
  const look = (): void => set(youngBytes() < BOUND_BYTES ? V8_FACTOR : 1);
  // Looked at after each collection, which is when it grows, and some collections make it smaller.
  const observer = new PerformanceObserver(look);
  observer.observe({ entryTypes: ['gc'] });
  // Compiled code is kept at the end for the next start, which takes it only if it was made with the same flags.
  const end = (): void => {
    observer.disconnect();
    process.off('exit', end);
    set(V8_FACTOR);
  };
  process.on('exit', end);
  // Loading many modules may have made it greater.
  if (youngBytes() > BOUND_BYTES) collectGarbage();
  look();
  return end;
}
