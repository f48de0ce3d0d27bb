/** All programs in one folder: `hearsay`, worlds, and the pages of both. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Bundle, bundle, PLACE, ROOT } from './bundle.ts';
import { bundlePage, type PageBundle, writePage } from './bundlePage.ts';
import { bundleWorlds, type WorldsBundle } from './bundleWorlds.ts';

export interface WholeBundle {
  readonly program: Bundle;
  readonly page: PageBundle;
  readonly worlds: WorldsBundle;
}

/** @param entries files below the root, of the `hearsay` program and of those beside it. */
export async function makeBundle(entries: readonly string[]): Promise<WholeBundle> {
  const [program, page, worlds] = await Promise.all([
    bundle(entries, false),
    bundlePage(),
    bundleWorlds(),
  ]);
  return { program, page, worlds };
}

export function writeBundle(folder: string, { program, page, worlds }: WholeBundle): void {
  mkdirSync(join(folder, ...PLACE), { recursive: true });
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  for (const { path, contents } of program.files)
    writeFileSync(join(folder, ...PLACE, basename(path)), contents);
  writePage(join(folder, 'dist', 'page'), page);
  for (const { path, contents } of worlds.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), contents);
  }
}
