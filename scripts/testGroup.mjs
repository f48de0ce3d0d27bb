// Runs test files one after another in one process, each with a summary of its own, and exits as the
// worst of them. The runner (test.mjs) starts it for files of pure logic, whose process would cost more to start than
// they take. It runs each file of a group that does not end well by itself again, and believes only that.
//
//   node scripts/testGroup.mjs FILE …

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

// uvu then waits for `exec`, where it otherwise runs what a file has queued in the next turn.
globalThis.UVU_DEFER = 1;
globalThis.UVU_INDEX = 0;
const { exec } = await import('uvu');

let code = 0;
for (const file of process.argv.slice(2)) {
  const startedAt = performance.now();
  const usedAtStart = process.cpuUsage();
  globalThis.UVU_QUEUE = [[null]];
  await import(pathToFileURL(resolve(file)).href);
  await exec();
  code ||= Number(process.exitCode ?? 0);
  process.exitCode = code;
  const { user, system } = process.cpuUsage(usedAtStart);
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(`\nEND ${seconds} ${(user + system) / 1e6} ${file}\n`);
}
