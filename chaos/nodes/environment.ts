/** The command that a run starts as nodes, and its environment. */
import { fileURLToPath } from 'node:url';
import { describeSettings } from '../../src/node/settingKinds.ts';
import { settingsShape } from '../../src/node/settings.ts';

/** The command line of this tree. */
export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/**
 * Half of a node's start is spent on compiling its sources, so the compiled code is kept between runs.
 */
export const COMPILE_CACHE = fileURLToPath(
  new URL('../../node_modules/.cache/compiled', import.meta.url),
);

/** The environment without the settings of the person who runs it. */
export function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = new Set(
    describeSettings(settingsShape).map(({ environment: name }) => name as string | null),
  );
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !names.has(name)));
}
