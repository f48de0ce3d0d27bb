/**
 * Makes `dist`, for the package and the image: the library by the compiler, file by file, and the program as a
 * bundle beside the page, with the licences of the packages in both. `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundle, PLACE, PROGRAM_ENTRIES, ROOT } from './bundle.ts';
import { bundlePage, writePage } from './bundlePage.ts';
import { noticesOf } from './notices.ts';

const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const folder = join(ROOT, ...PLACE);
rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
const words = [compiler, '-p', 'tsconfig.build.json'];
const { status } = spawnSync(process.execPath, words, { cwd: ROOT, stdio: 'inherit' });
// It has said why itself.
if (status !== 0) process.exit(1);
const { files, inputs } = await bundle(PROGRAM_ENTRIES, true);
mkdirSync(folder, { recursive: true });
for (const { path, contents, text } of files)
  writeFileSync(
    join(folder, basename(path)),
    path.endsWith('.map') ? ofOwnSources(text) : contents,
  );
const page = await bundlePage();
writePage(join(ROOT, 'dist', 'page'), page);
writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), noticesOf([...inputs, ...page.inputs]));

/** A map that holds Hearsay's sources, and of those of packages their names: their texts would double it. */
function ofOwnSources(text: string): string {
  const map: SourceMap = JSON.parse(text);
  const sourcesContent = map.sourcesContent.map((content, index) =>
    map.sources[index]?.includes('node_modules/') ? null : content,
  );
  return JSON.stringify({ ...map, sourcesContent });
}

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent: readonly (string | null)[];
}
