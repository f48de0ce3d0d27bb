/** `npm run worlds:soak`: all tests of worlds, the slow ones too, with all of their rounds. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const runner = fileURLToPath(new URL('../../scripts/test.mjs', import.meta.url));
const directory = fileURLToPath(new URL('.', import.meta.url));
const child = spawn(process.execPath, [runner, '--directory', directory, '--all'], {
  stdio: 'inherit',
  env: { ...process.env, WORLDS_TEST_SHARE: '1' },
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
