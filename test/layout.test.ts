/** Keeps the layout: which file stands on which floor, and what it may therefore import. */
import { dirname, join } from 'node:path/posix';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  filesBelow,
  importsOf,
  lineAt,
  type SourceFile,
  sourceFile,
  sourceFiles,
} from '../scripts/source.ts';

interface Floor {
  readonly name: string;
  /** Files, and folders with a slash at the end. The longer name counts. */
  readonly holds: readonly string[];
  /** Packages and Node's own modules that have no business here; true: none at all. */
  readonly neverImports: true | readonly (string | RegExp)[];
  /** No clocks, no randomness, no waiting: the same input gives the same output. */
  readonly isPure?: true;
  /** The floors that may import this one; without it, every floor above. */
  readonly importedBy?: readonly string[];
}

const NETWORK = ['ws', 'koa', '@koa/router', 'raw-body', /^node:(http|https|http2|net|tls|dgram)$/];
const OUTER_WORLD = [/^node:/, ...NETWORK, 'better-sqlite3', 'pino', 'prom-client', 'commander'];

/** The ground first. A new file under src/ has to be put here before it passes. */
const FLOORS: readonly Floor[] = [
  {
    name: 'words',
    holds: [
      'src/op.ts',
      'src/vector.ts',
      'src/hlc.ts',
      'src/hash.ts',
      'src/json.ts',
      'src/errors.ts',
    ],
    neverImports: true,
    isPure: true,
  },
  {
    name: 'ports',
    holds: ['src/log/log.ts'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    name: 'logic',
    holds: [
      'src/condition.ts',
      'src/cursor.ts',
      'src/decide.ts',
      'src/delta.ts',
      'src/expiry.ts',
      'src/expiryMark.ts',
      'src/instant.ts',
      'src/limits.ts',
      'src/map.ts',
      'src/mapSum.ts',
      'src/members.ts',
      'src/recent.ts',
      'src/requests.ts',
      'src/snapshot.ts',
      'src/stability.ts',
    ],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    // Positions of watchers in the log, and what they are told from there.
    name: 'watch',
    holds: ['src/watch.ts', 'src/watch/'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    // The core, the messages and the transport port: logic too, told in the words of the logic below.
    name: 'protocol',
    holds: ['src/gossip/'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    // What is told of a log, read through a port page by page: so it waits, and is else as the logic is.
    name: 'log tools',
    holds: ['src/logTools/'],
    neverImports: OUTER_WORLD,
  },
  {
    name: 'adapters',
    holds: ['src/log/', 'src/gossip/socket.ts'],
    neverImports: ['koa', '@koa/router', 'raw-body', 'commander'],
    importedBy: ['adapters', 'log files', 'wiring'],
  },
  {
    name: 'replica',
    holds: ['src/replica.ts', 'src/replica/'],
    neverImports: [...NETWORK, 'better-sqlite3', 'commander'],
  },
  {
    name: 'drivers',
    holds: ['src/gossip/driver.ts', 'src/gossip/driver/', 'src/http/'],
    neverImports: ['better-sqlite3', 'commander'],
  },
  {
    // Files of logs that the tools read, copy, import and compact.
    name: 'log files',
    holds: ['src/logFiles/'],
    neverImports: ['koa', '@koa/router', 'raw-body', 'commander'],
    importedBy: ['log files', 'wiring', 'commands'],
  },
  {
    name: 'wiring',
    holds: [
      'src/logDirectory.ts',
      'src/node.ts',
      'src/settings.ts',
      'src/settingKinds.ts',
      'src/version.ts',
    ],
    neverImports: ['better-sqlite3'],
  },
  {
    name: 'commands',
    holds: ['src/cli/'],
    neverImports: ['better-sqlite3'],
    importedBy: ['commands', 'faces'],
  },
  {
    name: 'faces',
    holds: ['src/index.ts', 'src/main.ts'],
    neverImports: ['better-sqlite3'],
    importedBy: [],
  },
];

/** Runs in browsers too, beside the tower: it imports nothing of it, and of it only the commands import this. */
const CLIENT: Floor = {
  name: 'client',
  holds: ['src/client/'],
  neverImports: [/^node:/, ...NETWORK],
  importedBy: ['client', 'commands'],
};

const IMPURE: readonly [what: string, pattern: RegExp][] = [
  ['async', /\b(async|await)\b/g],
  ['a clock', /\bDate\.now\b|\bnew Date\(\s*\)|(?<![.\w])(performance|process)\./g],
  ['randomness', /\bMath\.random\b|(?<![.\w])crypto\./g],
  ['a timer', /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/g],
  ['the network', /(?<![.\w])(fetch|WebSocket)\s*\(/g],
];

const VAGUE_NAMES = /(^|\/)(utils?|helpers?|common|misc)\.\w+$/i;

const layout = suite('layout');

layout('every file under src stands on a floor', () => {
  assert.equal(sourceFiles('src').flatMap(withoutFloor), []);
});

layout('imports go down, or stay on their floor in their folder', () => {
  assert.equal(sourceFiles('src').flatMap(wrongImports), []);
});

layout('nothing imports in a circle', () => {
  assert.equal(circleIn(sourceFiles('src')), undefined);
});

layout('words and logic have no clocks, randomness, timers or network', () => {
  assert.equal(sourceFiles('src').flatMap(impurities), []);
});

layout('a relative import names a .ts file', () => {
  const wrong = sourceFiles('src', 'test', 'sim', 'bench', 'scripts').flatMap(withoutExtension);
  assert.equal(wrong, []);
});

layout('every file says in its name what it is about', () => {
  const paths = ['src', 'test', 'sim', 'bench', 'scripts'].flatMap(filesBelow);
  assert.equal(
    paths.filter((path) => VAGUE_NAMES.test(path)),
    [],
  );
});

layout('the rules above catch what they are for', () => {
  const wrong = (path: string, text: string) => wrongImports(sourceFile(path, text));
  const none: string[] = [];
  assert.equal(wrong('src/map.ts', "import { a } from './op.ts';"), none);
  assert.equal(wrong('src/map.ts', "import { a } from './members.ts';"), none);
  assert.equal(wrong('src/map.ts', "// import { a } from './node.ts';"), none);
  assert.equal(wrong('src/http/server.ts', "import Koa from 'koa';"), none);
  assert.equal(wrong('src/replica.ts', "import { a } from './replica/replay.ts';"), none);
  assert.match(
    wrong('src/op.ts', "import type { a } from './map.ts';")[0] ?? '',
    /src\/op\.ts \(words\) imports src\/map\.ts \(logic\)/,
  );
  assert.match(wrong('src/map.ts', "export * from './gossip/core.ts';")[0] ?? '', /higher floor/);
  assert.match(
    wrong('src/replica.ts', "const a = await import('./log/sqlite.ts');")[0] ?? '',
    /only adapters, log files, wiring/,
  );
  assert.match(
    wrong('src/gossip/socket.ts', "import '../log/memory.ts';")[0] ?? '',
    /another folder/,
  );
  assert.match(wrong('src/op.ts', "import { z } from 'zod';")[0] ?? '', /imports zod/);
  assert.match(
    wrong('src/map.ts', "import { join } from 'node:path';")[0] ?? '',
    /imports node:path/,
  );
  assert.match(wrong('src/client/client.ts', "import { a } from '../op.ts';")[0] ?? '', /client/);
  assert.match(wrong('src/node.ts', "import { a } from '../sim/main.ts';")[0] ?? '', /no floor/);
  assert.equal(withoutFloor(sourceFile('src/gossip/anything.ts', '')).length, 0);
  assert.match(withoutFloor(sourceFile('src/new.ts', ''))[0] ?? '', /on no floor/);
  assert.equal(impurities(sourceFile('src/map.ts', 'const at = Date.now();')).length, 1);
  assert.equal(impurities(sourceFile('src/node.ts', 'const at = Date.now();')).length, 0);
  assert.equal(
    withoutExtension(sourceFile('src/map.ts', "import { a } from './op.js';")).length,
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
  for (const floor of [...FLOORS, CLIENT])
    for (const held of floor.holds) {
      const holds = held === path || (held.endsWith('/') && path.startsWith(held));
      if (holds && held.length > (found?.length ?? 0)) found = { floor, length: held.length };
    }
  return found?.floor;
}

/**
 * The files directly in src count as one folder, and so does everything below src/http. A file that
 * stands beside a folder of its name, as src/replica.ts does, belongs to that folder.
 */
function folderOf(path: string): string {
  const ownFolder = path.replace(/\.ts$/, '/');
  const isFolder = (folder: string): boolean => FLOORS.some(({ holds }) => holds.includes(folder));
  if (isFolder(ownFolder)) return ownFolder.slice(0, -1);
  if (isFolder(`${dirname(path)}/`)) return dirname(path);
  return path.split('/').slice(0, -1).slice(0, 2).join('/');
}

function withoutFloor({ path }: SourceFile): string[] {
  if (floorOf(path)) return [];
  return [`${path} is on no floor: put it in the table at the top of test/layout.test.ts`];
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
  if (target === CLIENT && floor.name === 'commands') return undefined;
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
  return IMPURE.flatMap(([what, pattern]) =>
    [...file.code.matchAll(pattern)].map(
      (match) =>
        `${nameWithFloor(file.path)}:${lineAt(file.text, match.index)} has ${what}: ${match[0]}`,
    ),
  );
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
