/** The programs of worlds as processes: those of a bundle that the runner has made, or else sources. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandProcess } from '../../../test/support/processes.ts';

const bundled = process.env.HEARSAY_TEST_PROGRAM;

/** @param main such as `world/main.ts`; `main.ts` is the command of `npm run worlds`. */
export function worldsProgram(main: string): string {
  if (bundled === undefined) return fileURLToPath(new URL(`../../${main}`, import.meta.url));
  const path = main === 'main.ts' ? 'command/main.ts' : main;
  return join(dirname(bundled), '..', '..', 'worlds', path.replace(/\.ts$/, '.js'));
}

/**
 * @param settings by their flags, without the dashes.
 * @param command the words before them.
 */
export function startProgram(
  main: string,
  settings: Readonly<Record<string, string | number>>,
  command: readonly string[] = [],
): CommandProcess {
  const words = Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, `${value}`]);
  return new CommandProcess([...command, ...words], {}, undefined, worldsProgram(main));
}
