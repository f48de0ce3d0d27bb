/**
 * Compiled code of the program's modules, kept between starts: Node compiles a module anew only if it has
 * changed. It is run unseen, so it lies in a directory of this user, and not in the temporary one of all.
 */
import { mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const OWN_DIRECTORY_MODE = 0o700;

/**
 * Reads compiled code from the place that the XDG Base Directory Specification gives for caches, and writes
 * it there when the process ends. Does nothing if there is no such place, or if NODE_COMPILE_CACHE names one.
 */
export function keepCompiledCode({ XDG_CACHE_HOME }: NodeJS.ProcessEnv): void {
  try {
    const directory = join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'hearsay');
    mkdirSync(directory, { recursive: true, mode: OWN_DIRECTORY_MODE });
    enableCompileCache(directory);
  } catch {
    // It only makes starts quicker.
  }
}
