// Runs one test file, and tells the runner (test.mjs), at file descriptor 3, the processor time that the file took
// with all processes that it has started and seen end.
//
//   node scripts/testFile.mjs FILE

import { readFileSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Of the times in /proc, on every Linux. */
const TICKS_PER_SECOND = 100;

process.on('exit', () => writeSync(3, String(processorSeconds())));
await import(pathToFileURL(resolve(process.argv[2])).href);

function processorSeconds() {
  try {
    const [afterName] = readFileSync('/proc/self/stat', 'utf8').split(') ').slice(-1);
    // utime, stime, cutime and cstime of proc(5).
    const times = afterName.split(' ').slice(11, 15).map(Number);
    return times.reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }
}
