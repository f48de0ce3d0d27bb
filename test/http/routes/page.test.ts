/** The page's files, as a node serves them to browsers, and what other clients get in their place. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundlePage, writePage } from '../../../scripts/bundlePage.ts';
import { PageFiles, pagePlace } from '../../../src/http/page/pageFiles.ts';
import { withServer } from '../testServer.ts';

const page = suite('page');

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const HTML = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const options = () => ({
  page: {
    files: new PageFiles({ kind: 'sources', root: ROOT }),
    nodeOrigins: () => ['http://node2.example:8002'],
  },
});

page(
  'a client that does not ask for HTML gets at / what it always got',
  withServer(async (server) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
      assert.is((await server.send(method, '/')).status, 404, method);
    const { status, body } = await server.get('/', { Accept: '*/*' });
    assert.is(status, 404);
    assert.is((body as { detail: string }).detail, 'There is nothing at this path.');
  }, options()),
);

page(
  'a browser gets the page, which may run this node’s scripts alone and ask the cluster alone',
  withServer(async (server) => {
    const { status, headers, text } = await server.get('/', HTML);
    assert.is(status, 200);
    assert.is(headers['content-type'], 'text/html; charset=utf-8');
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.match(policy, /connect-src 'self' http:\/\/node2\.example:8002;/);
    assert.not.match(policy, /unsafe|data:/);
    assert.not.match(text, /<script(?![^>]* src=)/);
    assert.not.match(text, /(src|href)="https?:/);
    const again = await server.get('/', { ...HTML, 'If-None-Match': String(headers.etag) });
    assert.is(again.status, 304);
  }, options()),
);

page(
  'its scripts are served from the sources, each with what it imports',
  withServer(async (server) => {
    const seen = new Set<string>();
    const visit = async (name: string): Promise<void> => {
      if (seen.has(name)) return;
      seen.add(name);
      const { status, text, headers } = await server.get(`/page/${name}`);
      assert.is(status, 200, name);
      assert.match(String(headers['content-type']), /^text\/javascript/);
      for (const [, next = ''] of text.matchAll(/from\s*"\.\/([^"]+)"/g)) await visit(next);
    };
    await visit('main.js');
    assert.ok(seen.size > 20, `${seen.size} scripts`);
    assert.ok([...seen].some((name) => name.includes('preact')));
  }, options()),
);

page(
  'no file but those of the page is served',
  withServer(async (server) => {
    for (const name of [
      '..%2Fpackage.json',
      'package.json',
      'index.html',
      'docs.html',
      'src~main.ts',
      '__proto__',
      'constructor',
    ])
      assert.is((await server.get(`/page/${name}`)).status, 404, name);
  }, options()),
);

page(
  'the description comes from this node alone',
  withServer(async (server) => {
    const { status, headers, text } = await server.get('/docs');
    assert.is(status, 200);
    assert.match(
      String(headers['content-security-policy']),
      /script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';/,
    );
    assert.not.match(text, /https?:\/\//);
    assert.is((await server.get('/page/swagger-ui-bundle.js')).status, 200);
    assert.is((await server.get('/page/swagger-ui.css')).status, 200);
  }, options()),
);

page('the built page is the bundle, and takes at most 150 KB on the way', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-page-'));
  try {
    const bundle = await bundlePage();
    writePage(folder, bundle);
    const place = pagePlace(folder, ROOT);
    assert.is(place?.kind, 'built');
    const files = new PageFiles({ kind: 'built', folder });
    let bytes = 0;
    for (const name of ['index.html', 'main.js', 'page.css', 'uplot.css', 'icon.svg']) {
      const file = await files.file(name);
      bytes += file?.gzipped.length ?? Number.NaN;
      if (file !== null) assert.equal(gunzipSync(file.gzipped), file.bytes);
    }
    assert.ok(bytes <= 150_000, `${bytes} bytes`);
    const packages = bundle.inputs.flatMap((path) => /node_modules\/([^/]+)/.exec(path)?.[1] ?? []);
    assert.equal([...new Set(packages)].sort(), ['preact', 'swagger-ui-dist', 'uplot']);
    const script = await files.file('main.js');
    const digest = createHash('sha256')
      .update(script?.bytes ?? '')
      .digest('base64url');
    assert.is(script?.tag, `"${digest.slice(0, 22)}"`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

page.run();
