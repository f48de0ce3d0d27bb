/**
 * The files of the page and of the interactive description, as a node serves them: those that `npm run build` has
 * made, or in development the sources.
 *
 * Invariant: a file is found by its name alone, never by a path that a client has sent.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { scriptsFrom } from './pageSources.ts';

export interface PageFile {
  /** Media type. */
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
  /** Entity tag, with its quotes. */
  readonly tag: string;
}

/** The first module of the page, which the document names. */
export const ENTRY_NAME = 'main.js';
const ENTRY = 'src/page/main.ts';
/** Names of the files beside the scripts, with the place of each from the root of a checkout. */
export const OTHER_FILES: Readonly<Record<string, string>> = {
  'index.html': 'src/page/index.html',
  'page.css': 'src/page/page.css',
  'icon.svg': 'src/page/icon.svg',
  'uplot.css': 'node_modules/uplot/dist/uPlot.min.css',
  'docs.html': 'src/page/docs.html',
  'docs.js': 'src/page/docs.js',
  'docs.css': 'src/page/docs.css',
  'swagger-ui.css': 'node_modules/swagger-ui-dist/swagger-ui.css',
  'swagger-ui-bundle.js': 'node_modules/swagger-ui-dist/swagger-ui-bundle.js',
};
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};
const SCRIPT = 'text/javascript; charset=utf-8';
const compress = promisify(gzip);

/** Where the files lie. */
export type PagePlace =
  /** In one folder, under their names. */
  | { readonly kind: 'built'; readonly folder: string }
  /** In a checkout with this root. */
  | { readonly kind: 'sources'; readonly root: string };

export class PageFiles {
  readonly #place: PagePlace;
  readonly #files = new Map<string, Promise<PageFile>>();
  #scripts: ReadonlyMap<string, string> | null = null;

  constructor(place: PagePlace) {
    this.#place = place;
  }

  /** @returns null if the page has no file of this name. */
  async file(name: string): Promise<PageFile | null> {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const bytes = this.#read(name);
    if (bytes === null) return null;
    const made = fileOf(name, bytes);
    this.#files.set(name, made);
    return made;
  }

  #read(name: string): Buffer | null {
    if (this.#place.kind === 'built') {
      const isKnown = name === ENTRY_NAME || Object.hasOwn(OTHER_FILES, name);
      return isKnown ? readFileSync(join(this.#place.folder, name)) : null;
    }
    const { root } = this.#place;
    const path = Object.hasOwn(OTHER_FILES, name) ? OTHER_FILES[name] : undefined;
    if (path !== undefined) return readFileSync(join(root, path));
    this.#scripts ??= scriptsFrom(root, ENTRY, ENTRY_NAME);
    const script = this.#scripts.get(name);
    return script === undefined ? null : Buffer.from(script);
  }
}

async function fileOf(name: string, bytes: Buffer): Promise<PageFile> {
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? SCRIPT;
  return { type, bytes, gzipped: await compress(bytes, { level: 9 }), tag: `"${digest}"` };
}

/**
 * @param builtFolder where `npm run build` puts the files.
 * @param root of the checkout, if the program runs in one.
 * @returns null if there are neither built files nor sources.
 */
export function pagePlace(builtFolder: string, root: string): PagePlace | null {
  if (existsSync(join(builtFolder, ENTRY_NAME))) return { kind: 'built', folder: builtFolder };
  return existsSync(join(root, ENTRY)) ? { kind: 'sources', root } : null;
}
