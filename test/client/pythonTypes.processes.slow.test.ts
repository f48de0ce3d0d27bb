/** The client in Python is typed to the last: `mypy --strict`, where it is installed, for the oldest Python that it speaks. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const FOLDER = fileURLToPath(new URL('../../clients/python/', import.meta.url));
const FILES = ['hearsay', 'contract.py', 'examples/fastapi_app.py'];
/** Packages that the example imports need not be there. */
const WORDS = ['--strict', '--python-version', '3.9', '--ignore-missing-imports'];
/** Without their types, decorators of those packages are untyped. */
const LENIENT = ['--allow-untyped-decorators', '--cache-dir', '/dev/null'];

const types = suite('types in Python');

types('mypy finds nothing', async () => {
  const output = await mypy();
  if (output !== null) assert.match(output, /^Success: no issues found in 3 source files\n$/);
});

types.run();

/** @returns null where mypy is not installed. */
function mypy(): Promise<string | null> {
  return new Promise((resolve, reject) => {
    execFile('mypy', [...WORDS, ...LENIENT, ...FILES], { cwd: FOLDER }, (error, stdout, stderr) => {
      if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT') {
        console.log('skipped: mypy is not installed: apt-get install mypy');
        resolve(null);
      } else if (stdout === '' && error !== null) reject(new Error(stderr, { cause: error }));
      else resolve(stdout);
    });
  });
}
