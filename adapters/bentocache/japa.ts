/** Runs `suite.ts` by the test runner for which Bentocache has written its suite. */
import { assert } from '@japa/assert';
import { configure, processCLIArgs, run } from '@japa/runner';

processCLIArgs(process.argv.slice(2));
configure({ files: ['suite.ts'], plugins: [assert()] });
await run();
