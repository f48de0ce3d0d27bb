/**
 * Runs test files in one process up to the first that fails, over sources of which one condition is changed,
 * and tells its parent each file that begins. The change comes in the environment, as `scripts/mutate.ts` sets
 * it; the tree itself stays as it is.
 */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

const changeSchema = z.object({
  url: z.string(),
  start: z.number(),
  end: z.number(),
  change: z.string(),
});

const { HEARSAY_MUTANT: setting } = process.env;
if (setting !== undefined) {
  const { url, start, end, change } = changeSchema.parse(JSON.parse(setting));
  registerHooks({
    load(from, context, nextLoad) {
      const loaded = nextLoad(from, context);
      if (from !== url) return loaded;
      const source = String(loaded.source);
      return { ...loaded, source: source.slice(0, start) + change + source.slice(end) };
    },
  });
}

Object.assign(globalThis, { UVU_DEFER: 1 });
const { exec } = await import('uvu');
// One after another: the first file notices most changes, and the others need not be loaded then.
for (const file of process.argv.slice(2)) {
  process.send?.(file);
  Object.assign(globalThis, { UVU_INDEX: 0, UVU_QUEUE: [[file]] });
  await import(pathToFileURL(file).href);
  await exec(true);
}
process.disconnect?.();
