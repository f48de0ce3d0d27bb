/** The page of a node in one script, with the files beside it, for the package and for the processes that tests start. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ENTRY_NAME, OTHER_FILES } from '../src/http/page/pageFiles.ts';
import { ROOT } from './bundle.ts';

export interface PageBundle {
  readonly script: Uint8Array;
  /** Files of which it is made, from the root. */
  readonly inputs: readonly string[];
}

export async function bundlePage(): Promise<PageBundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/page/main.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
    write: false,
  });
  const [script] = outputFiles;
  if (script === undefined) throw new Error('The page has no script.');
  const inputs = [...Object.keys(metafile.inputs), ...Object.values(OTHER_FILES)];
  return { script: script.contents, inputs };
}

/** Puts all files of the page into a folder, under the names by which a node serves them. */
export function writePage(folder: string, { script }: PageBundle): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ENTRY_NAME), script);
  for (const [name, path] of Object.entries(OTHER_FILES))
    copyFileSync(join(ROOT, path), join(folder, name));
}
