/**
 * Runs test files in one process, over sources of which one condition is changed. The change comes in the
 * environment, as `scripts/mutate.ts` sets it; the tree itself stays as it is.
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

const { run } = (await import('uvu/run')) as {
  run(suites: readonly { name: string; file: string }[], options: object): Promise<void>;
};
const suites = process.argv.slice(2).map((file) => ({
  name: file,
  // uvu puts `file:///` before it.
  file: pathToFileURL(file).href.slice('file:///'.length),
}));
await run(suites, { bail: true });
