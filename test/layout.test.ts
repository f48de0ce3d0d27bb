/** Keeps the layout: which file stands on which floor, and what it may therefore import. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CLIENT,
  CLIENT_ADAPTERS,
  DOCUMENT,
  FLOORS,
  type Floor,
  floorTable,
  PAGE,
} from '../scripts/floors.ts';
import {
  filesBelow,
  importsOf,
  lineAt,
  type SourceFile,
  sourceFile,
  sourceFiles,
} from '../scripts/source.ts';

const IMPURE: readonly [what: string, pattern: RegExp][] = [
  ['async', /\b(async|await)\b/g],
  ['a clock', /\bDate\.now\b|\bnew Date\(\s*\)|(?<![.\w])(performance|process)\./g],
  ['randomness', /\bMath\.random\b|(?<![.\w])crypto\./g],
  ['a timer', /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/g],
  ['the network', /(?<![.\w])(fetch|WebSocket)\s*\(/g],
];

const VAGUE_NAMES = /(^|\/)(utils?|helpers?|common|misc)\.\w+$/i;

const WORLD_RULES = 'worlds/rules';
const CODE_FOLDERS = ['src', 'test', 'sim', 'bench', 'scripts', 'chaos', 'worlds', 'adapters'];

const MAX_ADAPTER_LINES = 200;

/** They stand beside the floors. */
const ASIDE = [CLIENT_ADAPTERS, CLIENT, PAGE];

const layout = suite('layout');

layout('every file under src stands on a floor', () => {
  assert.equal(sourceFiles('src').flatMap(withoutFloor), []);
});

layout('imports go down, or stay on their floor in their folder', () => {
  assert.equal(sourceFiles('src').flatMap(wrongImports), []);
});

layout('nothing imports in a circle', () => {
  for (const folders of [['src'], ['sim'], ['test'], ['worlds']])
    assert.equal(circleIn(sourceFiles(...folders)), undefined);
});

layout('words and logic have no clocks, randomness, timers or network', () => {
  assert.equal(sourceFiles('src').flatMap(impurities), []);
});

layout('of worlds, only the tables import the product, and of it only the client', () => {
  const files = sourceFiles('worlds').filter(({ path }) => !path.startsWith('worlds/test/'));
  assert.equal(files.flatMap(wrongImportsOfWorlds), []);
  const wrong = (path: string, specifier: string) =>
    wrongImportsOfWorlds(sourceFile(path, `import '${specifier}';`)).length;
  assert.is(wrong('worlds/tables/cache.ts', '../../src/client/index.ts'), 0);
  assert.is(wrong('worlds/tables/cache.ts', '../../src/client/client.ts'), 1);
  assert.is(wrong('worlds/api/join.ts', '../../src/client/index.ts'), 1);
  assert.is(wrong('worlds/api/join.ts', 'hearsay/client'), 1);
  assert.is(wrong('worlds/api/join.ts', '../rules/seats.ts'), 0);
});

layout('the rules of worlds are pure, and import nothing but one another', () => {
  const files = sourceFiles('worlds/rules');
  assert.ok(files.length > 0);
  assert.equal(files.flatMap(impuritiesOfWorlds), []);
  const wrong = (text: string) => impuritiesOfWorlds(sourceFile('worlds/rules/a.ts', text)).length;
  assert.is(wrong("import { b } from './b.ts';"), 0);
  assert.is(wrong("import { b } from '../tables/b.ts';"), 1);
  assert.is(wrong("import { z } from 'zod';"), 1);
  assert.is(wrong('const at = Date.now();'), 1);
});

layout('an adapter of the client imports the client as its users do, and no other adapter', () => {
  const files = sourceFiles('src/adapters');
  assert.ok(files.length > 0);
  assert.equal(files.flatMap(wrongImportsOfAdapters), []);
  const wrong = (path: string, specifier: string) =>
    wrongImportsOfAdapters(sourceFile(path, `import '${specifier}';`)).length;
  assert.is(wrong('src/adapters/keyspace.ts', '../client/index.ts'), 0);
  assert.is(wrong('src/adapters/keyv/keyv.ts', '../keyspace.ts'), 0);
  assert.is(wrong('src/adapters/keyv/keyv.ts', './store.ts'), 0);
  assert.is(wrong('src/adapters/keyv/keyv.ts', 'node:events'), 0);
  assert.is(wrong('src/adapters/keyv/keyv.ts', '../../client/client.ts'), 1);
  assert.is(wrong('src/adapters/keyv/keyv.ts', '../unstorage/driver.ts'), 1);
  assert.is(wrong('src/adapters/keyspace.ts', './keyv/store.ts'), 1);
});

layout('an adapter of the client is thin', () => {
  const long = sourceFiles('src/adapters')
    .filter(({ text }) => text.split('\n').length > MAX_ADAPTER_LINES)
    .map(({ path }) => path);
  assert.equal(long, []);
});

layout('a relative import names a .ts file', () => {
  const wrong = sourceFiles(...CODE_FOLDERS).flatMap(withoutExtension);
  assert.equal(wrong, []);
});

layout('ARCHITECTURE.md shows the table of floors', () => {
  const isThere = readFileSync(DOCUMENT, 'utf8').includes(floorTable());
  assert.ok(isThere, 'run `npm exec -- node scripts/floors.ts`, which writes it');
});

layout('every floor holds something', () => {
  const paths = sourceFiles('src').map(({ path }) => path);
  const empty = [...FLOORS, ...ASIDE].flatMap(({ holds }) =>
    holds.filter((held) => !paths.some((path) => path.startsWith(held))),
  );
  assert.equal(empty, []);
});

layout('every file says in its name what it is about', () => {
  const paths = CODE_FOLDERS.flatMap(filesBelow);
  assert.equal(
    paths.filter((path) => VAGUE_NAMES.test(path)),
    [],
  );
});

layout('the rules above catch what they are for', () => {
  const wrong = (path: string, text: string) => wrongImports(sourceFile(path, text));
  const none: string[] = [];
  assert.equal(wrong('src/rules/decide.ts', "import { a } from '../words/op.ts';"), none);
  assert.equal(wrong('src/rules/decide.ts', "import { a } from './members.ts';"), none);
  assert.equal(wrong('src/rules/decide.ts', "// import { a } from '../node/startNode.ts';"), none);
  assert.equal(wrong('src/http/server.ts', "import Koa from 'koa';"), none);
  assert.equal(wrong('src/page/main.ts', "import { a } from '../words/op.ts';"), none);
  assert.match(
    wrong('src/page/main.ts', "import { a } from '../net/seal.ts';")[0] ?? '',
    /page must not/,
  );
  assert.match(
    wrong('src/node/surface.ts', "import { a } from '../page/main.ts';")[0] ?? '',
    /stands apart/,
  );
  assert.match(
    wrong('src/words/op.ts', "import type { a } from '../rules/map.ts';")[0] ?? '',
    /src\/words\/op\.ts \(words\) imports src\/rules\/map\.ts \(rules\)/,
  );
  assert.match(
    wrong('src/rules/decide.ts', "export * from '../gossip/protocol/core.ts';")[0] ?? '',
    /higher floor/,
  );
  assert.match(
    wrong('src/watch/hub/hub.ts', "import { a } from '../../http/app.ts';")[0] ?? '',
    /higher floor/,
  );
  assert.match(
    wrong('src/replica/replica.ts', "const a = await import('../log/sqlite/file.ts');")[0] ?? '',
    /only adapters, log files, node/,
  );
  assert.match(
    wrong('src/gossip/socket/socket.ts', "import '../../log/memory.ts';")[0] ?? '',
    /another folder/,
  );
  assert.match(wrong('src/words/op.ts', "import { z } from 'zod';")[0] ?? '', /imports zod/);
  assert.match(
    wrong('src/rules/decide.ts', "import { join } from 'node:path';")[0] ?? '',
    /imports node:path/,
  );
  assert.match(
    wrong('src/client/client.ts', "import { a } from '../words/op.ts';")[0] ?? '',
    /client/,
  );
  assert.match(
    wrong('src/node/startNode.ts', "import { a } from '../../sim/main.ts';")[0] ?? '',
    /no floor/,
  );
  assert.equal(wrong('src/adapters/keyspace.ts', "import '../client/index.ts';"), none);
  assert.match(
    wrong('src/adapters/keyspace.ts', "import '../words/op.ts';")[0] ?? '',
    /client adapters must not/,
  );
  assert.match(
    wrong('src/index.ts', "export * from './adapters/keyv/index.ts';")[0] ?? '',
    /only the package names/,
  );
  assert.equal(withoutFloor(sourceFile('src/gossip/protocol/anything.ts', '')).length, 0);
  assert.match(withoutFloor(sourceFile('src/new/new.ts', ''))[0] ?? '', /on no floor/);
  assert.match(withoutFloor(sourceFile('src/new.ts', ''))[0] ?? '', /on no floor/);
  assert.equal(impurities(sourceFile('src/rules/decide.ts', 'const at = Date.now();')).length, 1);
  assert.equal(impurities(sourceFile('src/node/startNode.ts', 'const at = Date.now();')).length, 0);
  assert.equal(
    withoutExtension(sourceFile('src/rules/decide.ts', "import { a } from './op.js';")).length,
    1,
  );
  assert.ok(VAGUE_NAMES.test('src/http/utils.ts'));
  assert.not.ok(VAGUE_NAMES.test('src/commonSense.ts'));
});

layout('a circle is found and told in full', () => {
  const files = [
    sourceFile('src/a.ts', "import './b.ts';"),
    sourceFile('src/b.ts', "import type { c } from './c.ts';"),
    sourceFile('src/c.ts', "import './b.ts';"),
  ];
  assert.is(circleIn(files), 'src/b.ts → src/c.ts → src/b.ts');
});

layout.run();

function floorOf(path: string): Floor | undefined {
  let found: { readonly floor: Floor; readonly length: number } | undefined;
  for (const floor of [...FLOORS, ...ASIDE])
    for (const held of floor.holds) {
      const holds = held === path || (held.endsWith('/') && path.startsWith(held));
      if (holds && held.length > (found?.length ?? 0)) found = { floor, length: held.length };
    }
  return found?.floor;
}

/** A wing and everything below it count as one folder. */
function folderOf(path: string): string {
  return path.split('/').slice(0, -1).slice(0, 2).join('/');
}

function withoutFloor({ path }: SourceFile): string[] {
  if (floorOf(path)) return [];
  return [`${path} is on no floor: put it in the table of scripts/floors.ts`];
}

function targetOf(file: SourceFile, specifier: string): string {
  return join(dirname(file.path), specifier);
}

function wrongImports(file: SourceFile): string[] {
  const floor = floorOf(file.path);
  if (!floor) return [];
  return importsOf(file).flatMap((specifier) => {
    const isRelative = specifier.startsWith('.');
    const why = isRelative
      ? whyNotFile(file.path, floor, targetOf(file, specifier))
      : whyNotPackage(floor, specifier);
    const what = isRelative ? nameWithFloor(targetOf(file, specifier)) : specifier;
    return why ? [`${nameWithFloor(file.path)} imports ${what}: ${why}`] : [];
  });
}

function nameWithFloor(path: string): string {
  return `${path} (${floorOf(path)?.name ?? 'no floor'})`;
}

function whyNotFile(from: string, floor: Floor, to: string): string | undefined {
  const target = floorOf(to);
  if (!target) return 'that is on no floor';
  if (target === floor) {
    return folderOf(from) === folderOf(to) ? undefined : 'same floor, but another folder';
  }
  if (target === CLIENT && target.importedBy?.includes(floor.name)) return undefined;
  if (floor.importsOnly !== undefined)
    return floor.importsOnly.includes(target.name) ? undefined : `${floor.name} must not`;
  if (target === PAGE) return 'the page stands apart';
  if (target === CLIENT_ADAPTERS) return 'only the package names the adapters of the client';
  if (floor === CLIENT || target === CLIENT) return 'the client stands apart';
  if (target.importedBy && !target.importedBy.includes(floor.name)) {
    return `only ${target.importedBy.join(', ') || 'nobody'} may import ${target.name}`;
  }
  if (FLOORS.indexOf(target) > FLOORS.indexOf(floor)) return 'that is a higher floor';
  return undefined;
}

function whyNotPackage({ name, neverImports }: Floor, specifier: string): string | undefined {
  if (neverImports === true) return `${name} import no packages`;
  const isForbidden = neverImports.some((rule) =>
    typeof rule === 'string'
      ? specifier === rule || specifier.startsWith(`${rule}/`)
      : rule.test(specifier),
  );
  return isForbidden ? `${name} must not` : undefined;
}

function impurities(file: SourceFile): string[] {
  if (!floorOf(file.path)?.isPure) return [];
  return impureCode(file).map((fault) => `${nameWithFloor(file.path)}:${fault}`);
}

function impureCode({ code, text }: SourceFile): string[] {
  return IMPURE.flatMap(([what, pattern]) =>
    [...code.matchAll(pattern)].map(
      (match) => `${lineAt(text, match.index)} has ${what}: ${match[0]}`,
    ),
  );
}

function wrongImportsOfWorlds(file: SourceFile): string[] {
  const wrong = importsOf(file).filter((specifier) => {
    if (/^hearsay(\/|$)/.test(specifier)) return true;
    const target = specifier.startsWith('.') ? targetOf(file, specifier) : 'worlds/';
    const isClient = target === 'src/client/index.ts' && file.path.startsWith('worlds/tables/');
    return !target.startsWith('worlds/') && !isClient;
  });
  return wrong.map((specifier) => `${file.path} imports ${specifier}`);
}

function wrongImportsOfAdapters(file: SourceFile): string[] {
  const wrong = importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .filter((specifier) => {
      const target = targetOf(file, specifier);
      const folder = dirname(target);
      const isCore = folder === 'src/adapters';
      return target !== 'src/client/index.ts' && !isCore && folder !== dirname(file.path);
    });
  return wrong.map((specifier) => `${file.path} imports ${specifier}`);
}

function impuritiesOfWorlds(file: SourceFile): string[] {
  const imports = importsOf(file).filter(
    (specifier) => !specifier.startsWith('.') || dirname(targetOf(file, specifier)) !== WORLD_RULES,
  );
  return [
    ...imports.map((specifier) => `${file.path} imports ${specifier}`),
    ...impureCode(file).map((fault) => `${file.path}:${fault}`),
  ];
}

function withoutExtension(file: SourceFile): string[] {
  return importsOf(file)
    .filter((specifier) => /^\.{1,2}(\/|$)/.test(specifier) && !specifier.endsWith('.ts'))
    .map((specifier) => `${file.path} imports ${specifier}`);
}

/** The first circle of imports, types included, told file by file. */
function circleIn(files: readonly SourceFile[]): string | undefined {
  const targets = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => targetOf(file, specifier)),
    ]),
  );
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path].join(' → ');
    if (finished.has(path)) return undefined;
    for (const target of targets.get(path) ?? []) {
      const circle = visit(target, [...trail, path]);
      if (circle) return circle;
    }
    finished.add(path);
    return undefined;
  };
  for (const { path } of files) {
    const circle = visit(path, []);
    if (circle) return circle;
  }
  return undefined;
}
