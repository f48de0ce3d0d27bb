/** The programs of worlds as processes. */
import { fileURLToPath } from 'node:url';
import { CommandProcess } from '../../../test/support/processes.ts';

/** @param main such as `world/main.ts`. */
export const worldsProgram = (main: string): string =>
  fileURLToPath(new URL(`../../${main}`, import.meta.url));

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
