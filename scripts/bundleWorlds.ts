/**
 * The programs of worlds in a few files, with the files of their page. Seventeen processes start with `npm run worlds`,
 * and each would find, read and link some 400 files: that takes half of its start.
 */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { transform } from 'esbuild';
import { bundleTogether, ROOT } from './bundle.ts';
import { filesBelow } from './source.ts';

export interface NamedFile {
  /** Below the folder of the bundle. */
  readonly path: string;
  readonly contents: Uint8Array;
}

export interface WorldsBundle {
  readonly files: readonly NamedFile[];
  /** Files of which it is made, from the root. */
  readonly inputs: readonly string[];
}

/** The command of `npm run worlds`, with all of its subcommands. */
export const COMMAND = 'worlds/command/main.js';

const PROGRAMS = ['api', 'edge', 'fleet', 'identity', 'link', 'maintenance', 'world'];
const PAGE_FOLDERS = ['worlds/page', 'worlds/rules'];

export async function bundleWorlds(): Promise<WorldsBundle> {
  const sources = PROGRAMS.map((name) => [`worlds/${name}/main`, `worlds/${name}/main.ts`]);
  const { files: made, inputs } = await bundleTogether(
    { ...Object.fromEntries(sources), [COMMAND.replace('.js', '')]: 'worlds/main.ts' },
    'worlds/shared',
  );
  const programs = made.map(({ path, contents }) => ({ path: relative(ROOT, path), contents }));
  const page = PAGE_FOLDERS.flatMap(filesBelow);
  const files = [...programs, ...(await Promise.all(page.map(pageFile)))];
  return { files, inputs: [...inputs, ...page] };
}

/** The edge serves the page's modules as they lie there: without their types. */
async function pageFile(path: string): Promise<NamedFile> {
  const contents = readFileSync(join(ROOT, path));
  if (!path.endsWith('.ts')) return { path, contents };
  const { code } = await transform(contents.toString('utf8'), {
    loader: 'ts',
    target: 'es2024',
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  });
  return { path, contents: Buffer.from(code) };
}
