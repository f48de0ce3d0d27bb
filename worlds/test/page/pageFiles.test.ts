import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPage } from '../../page/pageFiles.ts';

const page = suite('files of the page');

const files = loadPage({ playSources: ['ws://127.0.0.1:*'] });
const textOf = (path: string): string => files.get(path)?.body.toString() ?? '';
const policy = files.get('/')?.headers['Content-Security-Policy'] ?? '';

page('each module that a module imports is served, as JavaScript', () => {
  const modules = [...files].filter(([path]) => path.startsWith('/modules/'));
  assert.ok(modules.length > 20);
  for (const [path, { type, body }] of modules) {
    assert.match(type, /^text\/javascript/);
    const text = body.toString();
    assert.not.match(text, /^(export )?(interface|type) /m, path);
    for (const [, specifier = ''] of text.matchAll(/^(?:import|export).*? from ["'](.+)["']/gm)) {
      const isPackage = specifier === '@msgpack/msgpack';
      const target = isPackage
        ? '/modules/msgpack/index.mjs'
        : posix.join(posix.dirname(path), specifier);
      assert.ok(files.has(target), `${path} imports ${specifier}`);
    }
  }
});

page('the page shares the rules of play with the server, and nothing else of it', () => {
  const shared = [...files.keys()].filter((path) => path.startsWith('/modules/'));
  assert.ok(shared.includes('/modules/rules/simulation.ts'));
  for (const path of shared) assert.match(path, /^\/modules\/(rules|page\/browser|msgpack)\//);
});

page('all that the document names is served by this server', () => {
  const named = [...textOf('/').matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
  assert.ok(named.length >= 3);
  for (const path of named) assert.ok(files.has(path), path);
});

page('scripts are the files of this server and the one import map', () => {
  const [, importMap = ''] = /<script type="importmap">(.*)<\/script>/.exec(textOf('/')) ?? [];
  const hash = createHash('sha256').update(importMap).digest('base64');
  assert.ok(policy.includes(`script-src 'self' 'sha256-${hash}';`), policy);
  assert.ok(policy.includes("connect-src 'self' ws://127.0.0.1:*;"));
  assert.not.match(policy, /unsafe|https?:|data:|\*[^;]*script/);
  assert.not.match(textOf('/'), / style="| on\w+="/);
});

page('each file names its version', () => {
  const tags = [...files.values()].map(({ headers }) => headers.ETag);
  assert.is(new Set(tags).size, files.size);
});

page.run();
