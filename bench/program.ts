/**
 * The `hearsay` command that benches start. `npm run bench` compiles it first, as for the package, so that it
 * measures the program that people install; in tests it is the bundle that their runner has made, or the sources.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

let file =
  process.env.HEARSAY_TEST_PROGRAM ?? fileURLToPath(new URL('../src/main.ts', import.meta.url));

export const program = (): string => file;

/** Compiles the sources by `npm run build`. */
export function compileProgram(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
  file = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
}
