/**
 * The page as files: what a server answers at each path. The page's modules are TypeScript, which Node strips
 * of its types here, or a bundle has done so before; they share `rules/` with the server.
 *
 * Invariant: only files that the page reaches from its first module are served.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PageFile {
  /** Media type. */
  readonly type: string;
  readonly body: Buffer;
  /** ETag, how long to keep it, and what the browser may do with it. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PageOptions {
  /** Where worlds listen for players, as a Content-Security-Policy names it: `ws://127.0.0.1:*`. */
  readonly playSources: readonly string[];
}

const IS_OF_SOURCES = import.meta.url.endsWith('.ts');
const WORLDS = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(WORLDS, 'page');
const FIRST_MODULE = join(PAGE, 'browser', 'main.ts');
const MSGPACK = dirname(fileURLToPath(import.meta.resolve('@msgpack/msgpack')));
const SCRIPT = 'text/javascript; charset=utf-8';
const IMPORT_MAP = /<script type="importmap">([^<]*)<\/script>/;
const IMPORTS = /\b(?:from|import)\s*["'](\.[^"']+)["']/g;

/** @returns the files by the path of their URL, all read and made ready. */
export function loadPage({ playSources }: PageOptions): ReadonlyMap<string, PageFile> {
  const document = readFileSync(join(PAGE, 'index.html'), 'utf8');
  const headers = headersOf(policyFor(document, playSources));
  const files = new Map<string, PageFile>();
  const add = (path: string, type: string, text: string | Buffer): void => {
    const body = Buffer.from(text);
    const tag = createHash('sha256').update(body).digest('base64url').slice(0, 22);
    files.set(path, { type, body, headers: { ...headers, ETag: `"${tag}"` } });
  };
  add('/', 'text/html; charset=utf-8', document);
  add('/page.css', 'text/css; charset=utf-8', readFileSync(join(PAGE, 'page.css')));
  add('/icon.svg', 'image/svg+xml', readFileSync(join(PAGE, 'icon.svg')));
  for (const [path, script] of modulesFrom(FIRST_MODULE))
    add(`/modules/${relative(WORLDS, path).split(sep).join('/')}`, SCRIPT, script);
  // Its other entry is CommonJS: browsers read the modules beside it.
  const entry = join(MSGPACK, '..', 'dist.esm', 'index.mjs');
  for (const [path, script] of modulesFrom(entry))
    add(`/modules/msgpack/${relative(dirname(entry), path).split(sep).join('/')}`, SCRIPT, script);
  return files;
}

/** A module and all that it imports by relative paths, by their files. */
function modulesFrom(entry: string): Map<string, string> {
  const scripts = new Map<string, string>();
  const visit = (path: string): void => {
    if (scripts.has(path)) return;
    const text = readFileSync(path, 'utf8');
    const hasTypes = IS_OF_SOURCES && path.endsWith('.ts');
    const script = hasTypes ? stripTypeScriptTypes(text) : withoutSourceMap(text);
    scripts.set(path, script);
    for (const [, specifier = ''] of script.matchAll(IMPORTS))
      visit(join(dirname(path), specifier));
  };
  visit(entry);
  return scripts;
}

const withoutSourceMap = (script: string): string =>
  script.replace(/^\/\/# sourceMappingURL=.*$/m, '');

/** Scripts are this server's files and the one import map; the page talks to this server and to worlds. */
function policyFor(document: string, playSources: readonly string[]): string {
  const [, importMap = ''] = IMPORT_MAP.exec(document) ?? [];
  const hash = createHash('sha256').update(importMap).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self'",
    ["connect-src 'self'", ...playSources].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

const headersOf = (policy: string): Readonly<Record<string, string>> => ({
  'Content-Security-Policy': policy,
  'Cache-Control': 'no-cache',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
});
