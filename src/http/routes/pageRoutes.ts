/**
 * The page at `/`, for people, and the interactive description at `/docs`. Their files need no token: the data that
 * they ask for does.
 *
 * Invariant: a client that does not ask for HTML gets at `/` the 404 of any unknown path.
 */
import type { RouterContext } from '@koa/router';
import { answerBytes, answerEmpty } from '../answer/answer.ts';
import type { PageFiles } from '../page/pageFiles.ts';
import { namesTag } from '../request/conditions.ts';
import { nothingAt, type Routes } from './route.ts';

export interface PageRouteOptions {
  readonly files: PageFiles;
  /** Web origins of the nodes of the cluster, which the page may ask. */
  readonly nodeOrigins: () => readonly string[];
}

export function addPageRoutes(routes: Routes, { files, nodeOrigins }: PageRouteOptions): void {
  const row = { method: 'GET', needs: 'nothing', touches: 'none', summary: null } as const;
  routes.add({
    ...row,
    path: '/',
    answers: {},
    handler: async ({ ctx }) => {
      if (!asksForHtml(ctx)) throw nothingAt('/');
      await answerFile(ctx, files, 'index.html', pagePolicy(nodeOrigins()));
    },
  });
  routes.add({
    ...row,
    path: '/docs',
    answers: {},
    handler: ({ ctx }) => answerFile(ctx, files, 'docs.html', DOCS_POLICY),
  });
  routes.add({
    ...row,
    path: '/page/{key}',
    answers: {},
    handler: ({ ctx, key }) => {
      // Each document has a policy of its own, at its own path.
      if (key.endsWith('.html')) throw nothingAt(ctx.path);
      return answerFile(ctx, files, key, NO_DOCUMENT_POLICY);
    },
  });
}

/** A browser names HTML first; programs name it rarely, and never by a wildcard. */
const asksForHtml = ({ req }: RouterContext): boolean =>
  (req.headers.accept ?? '').toLowerCase().includes('text/html');

async function answerFile(
  ctx: RouterContext,
  files: PageFiles,
  name: string,
  policy: string,
): Promise<void> {
  const file = await files.file(name);
  if (file === null) throw nothingAt(ctx.path);
  const { type, bytes, gzipped, tag } = file;
  const headers = [...HEADERS, 'ETag', tag, 'Content-Security-Policy', policy];
  if (namesTag(ctx.req.headers['if-none-match'] ?? '', tag)) {
    answerEmpty(ctx, 304, headers);
    return;
  }
  const takesGzip = /\bgzip\b/i.test(String(ctx.req.headers['accept-encoding'] ?? ''));
  if (takesGzip) headers.push('Content-Encoding', 'gzip');
  answerBytes(ctx, type, takesGzip ? gzipped : bytes, headers);
}

/** Headers of each file: a browser asks each time whether it is still the same. */
const HEADERS: readonly string[] = [
  'Cache-Control',
  'no-cache',
  'Vary',
  'Accept, Accept-Encoding',
  'X-Content-Type-Options',
  'nosniff',
  'Referrer-Policy',
  'no-referrer',
  'Cross-Origin-Opener-Policy',
  'same-origin',
  'Cross-Origin-Resource-Policy',
  'same-origin',
];

const COMMON_POLICY = ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];
const NO_DOCUMENT_POLICY = ["default-src 'none'", ...COMMON_POLICY].join('; ');

/** Content Security Policy (W3C, level 3): scripts are this node's files, and the page talks to the cluster alone. */
const pagePolicy = (nodeOrigins: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    // Pictures among raw bytes: the page has them as bytes, and runs none of them.
    "img-src 'self' blob:",
    ["connect-src 'self'", ...nodeOrigins].join(' '),
    ...COMMON_POLICY,
    "require-trusted-types-for 'script'",
  ].join('; ');

/** Swagger UI sets styles inline, and draws its icons as data. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  ...COMMON_POLICY,
].join('; ');
