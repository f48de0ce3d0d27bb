/** Commands that read a log on a node's own machine leave the processor to the node. */
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

const THREADS = '/proc/self/task';

/**
 * Gives every thread of this process the lowest priority. Linux gives each thread one of its own, and by then Node has
 * started those that collect garbage and compile: they take a fifth of the time of a command that reads by URL. Threads
 * that begin later inherit it.
 */
export function yieldToNode(): void {
  for (const thread of ownThreads())
    try {
      setPriority(thread, constants.priority.PRIORITY_LOW);
    } catch {
      // The thread has ended meanwhile.
    }
}

/** 0 is the calling thread, and the whole process on other systems than Linux. */
function ownThreads(): number[] {
  if (process.platform !== 'linux') return [0];
  try {
    return readdirSync(THREADS).map(Number);
  } catch {
    return [0]; // no /proc is mounted
  }
}
