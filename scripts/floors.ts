/**
 * The floors of `src/`: which folder stands on which, and what it may therefore import.
 *
 * `test/layout.test.ts` keeps the code to them, and `ARCHITECTURE.md` to the table that is made of them.
 * `npm exec -- node scripts/floors.ts` writes that table.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { markdownTable } from 'markdown-table';

export interface Floor {
  readonly name: string;
  /** One line for the table of ARCHITECTURE.md. */
  readonly about: string;
  /** Folders, with a slash at the end, and a file where two floors share a folder. The longer name counts. */
  readonly holds: readonly string[];
  /** Packages and Node's own modules that have no business here; true: none at all. */
  readonly neverImports: true | readonly (string | RegExp)[];
  /** No clocks, no randomness, no waiting: the same input gives the same output. */
  readonly isPure?: true;
  /** The floors of which it may import; without it, every floor below. */
  readonly importsOnly?: readonly string[];
  /** The floors that may import this one; without it, every floor above. */
  readonly importedBy?: readonly string[];
}

type Packages = readonly (string | RegExp)[];
const KOA: Packages = ['koa', '@koa/router', 'raw-body'];
const NETWORK: Packages = ['ws', ...KOA, /^node:(http|https|http2|net|tls|dgram)$/];
const OUTER_WORLD: Packages = [
  /^node:/,
  ...NETWORK,
  'better-sqlite3',
  'pino',
  'prom-client',
  '@opentelemetry/api',
  'commander',
];

/** The ground first. A new folder under src/ has to be put here before it passes. */
export const FLOORS: readonly Floor[] = [
  {
    name: 'words',
    about: 'the words that all others speak: op, vector, HLC, hash, JSON text, errors, limits',
    holds: ['src/words/'],
    neverImports: true,
    isPure: true,
  },
  {
    name: 'access',
    about:
      'who may do what: tokens, scopes, prefixes, the file of tokens, and the price of wrong ones',
    holds: ['src/access/'],
    neverImports: [/^node:(?!crypto$|zlib$)/, 'ws', ...KOA, 'pino', 'prom-client', 'commander'],
    isPure: true,
  },
  {
    name: 'rules',
    about: 'the rules as pure functions: the order, decisions, members, stability, the map sum',
    holds: ['src/rules/'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    name: 'entry store',
    about: 'the map as bytes in pages, the port of its store, and the latest rows as bytes',
    holds: ['src/store/'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    name: 'log port',
    about: 'the ports of the log and of its checkpoint, which every log implements',
    holds: ['src/log/log.ts', 'src/log/checkpoints.ts'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    name: 'watch',
    about: 'positions of watchers, and the events that follow from the log',
    holds: ['src/watch/'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    name: 'protocol',
    about: 'the protocol core, its messages, and the port of the transport',
    holds: ['src/gossip/protocol/', 'src/gossip/transport.ts'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  {
    name: 'border',
    about:
      'messages of peers are held to their bounds before they are parsed, and faults have their price',
    holds: ['src/gossip/border/'],
    neverImports: OUTER_WORLD,
    isPure: true,
  },
  // They read a log through a port, page by page, so they are asynchronous; otherwise they are as pure as the rules.
  {
    name: 'log tools',
    about: 'verify, history, explain, diff, statistics, exports: they read a log page by page',
    holds: ['src/log/tools/', 'src/log/factsText.ts'],
    neverImports: OUTER_WORLD,
  },
  {
    name: 'net',
    about: 'the doorway for WebSockets: tokens, pings, closes, refusals',
    holds: ['src/net/'],
    neverImports: [...KOA, 'better-sqlite3', 'commander'],
  },
  {
    name: 'adapters',
    about: 'SQLite in worker threads, the log in memory, WebSockets between nodes',
    holds: ['src/log/', 'src/log/sqlite/', 'src/gossip/socket/'],
    neverImports: [...KOA, 'commander'],
    importedBy: ['adapters', 'log files', 'node'],
  },
  {
    name: 'replica',
    about: 'the commit queue: ops are decided, committed, folded and told',
    holds: ['src/replica/'],
    neverImports: [...NETWORK, 'better-sqlite3', 'commander'],
  },
  {
    name: 'driver',
    about: 'carries out the outputs of the core',
    holds: ['src/gossip/driver/'],
    neverImports: [...NETWORK, 'better-sqlite3', 'commander'],
  },
  {
    name: 'watch hub',
    about: 'watchers, their buffers, and the reading behind them',
    holds: ['src/watch/hub/'],
    neverImports: [...NETWORK, 'better-sqlite3', 'commander'],
  },
  {
    name: 'http',
    about: 'REST, watches over HTTP, metrics, OpenAPI',
    holds: ['src/http/'],
    neverImports: ['better-sqlite3', 'commander'],
  },
  {
    name: 'log files',
    about: 'log files that the tools read, copy, import and compact',
    holds: ['src/log/files/'],
    neverImports: [...KOA, 'commander'],
    importedBy: ['log files', 'node', 'commands'],
  },
  {
    name: 'node',
    about: 'settings, the data directory, and the wiring of a node',
    holds: ['src/node/'],
    neverImports: ['better-sqlite3'],
  },
  {
    name: 'embedded',
    about: "a node in the program's own process, in the words of the client library",
    holds: ['src/embedded/'],
    neverImports: [...NETWORK, 'better-sqlite3', 'commander', 'prom-client'],
    importedBy: ['embedded', 'faces'],
  },
  {
    name: 'commands',
    about: 'the command line',
    holds: ['src/cli/'],
    neverImports: ['better-sqlite3'],
    importedBy: ['commands', 'faces'],
  },
  {
    name: 'faces',
    about: 'the library and the program',
    holds: ['src/index.ts', 'src/main.ts'],
    neverImports: ['better-sqlite3'],
    importedBy: [],
  },
];

/** It runs in browsers too, beside the floors: it imports none of them, and only the floors named here import it. */
export const CLIENT: Floor = {
  name: 'client',
  about: 'the client library; runs in browsers too, beside all floors',
  holds: ['src/client/'],
  neverImports: [/^node:/, ...NETWORK],
  importedBy: ['client', 'client adapters', 'commands', 'embedded'],
};

/** Each stands in a folder of its own, over one core, and sees the client as its users do. */
export const CLIENT_ADAPTERS: Floor = {
  name: 'client adapters',
  about: "the client behind other libraries' interfaces: Keyv and others, each a folder",
  holds: ['src/adapters/'],
  neverImports: [/^node:(?!events$|v8$)/, ...NETWORK],
  importedBy: ['client adapters'],
  importsOnly: ['client'],
};

/** It runs in browsers alone. It uses pure floors, so that it judges ops by the rules of the nodes. */
export const PAGE: Floor = {
  name: 'page',
  about: 'the page of a node; runs in browsers, from pure floors and the REST interface',
  holds: ['src/page/'],
  neverImports: [/^node:/, ...NETWORK],
  importedBy: ['page'],
  importsOnly: ['words', 'rules', 'log port', 'log tools'],
};

/** The document that shows the table. */
export const DOCUMENT = fileURLToPath(new URL('../ARCHITECTURE.md', import.meta.url));

const HEAD = ['floor', 'holds', 'about', 'never imports'];

/** The table of floors in Markdown, the top floor first. */
export function floorTable(): string {
  const rows = [...FLOORS].reverse().map(rowOf);
  return markdownTable([HEAD, ...rows, rowOf(CLIENT_ADAPTERS), rowOf(CLIENT), rowOf(PAGE)]);
}

/** @returns the text with the present table in the place of the one that it holds. */
export function withFloorTable(text: string): string {
  return text.replace(/^\| floor .*(\n\|.*)*/m, () => floorTable());
}

function rowOf({ name, holds, about, neverImports, isPure }: Floor): string[] {
  const folders = holds.map((path) => `\`${path}\``).join(', ');
  const never = neverImports === true ? ['packages, modules of Node'] : wordsOf(neverImports);
  if (isPure) never.push('clocks, randomness, timers');
  return [name, folders, about, never.join(', ')];
}

/** The packages, those that belong together under one name. */
function wordsOf(rules: readonly (string | RegExp)[]): string[] {
  let left = rules;
  const words: string[] = [];
  for (const [word, members] of [
    ['the outer world', OUTER_WORLD],
    ['the network', NETWORK],
    ['koa', KOA],
  ] as const)
    if (members.every((member) => left.includes(member))) {
      words.push(word);
      left = left.filter((rule) => !members.includes(rule));
    }
  return [...words, ...left.map((rule) => (typeof rule === 'string' ? rule : 'modules of Node'))];
}

if (import.meta.main) writeFileSync(DOCUMENT, withFloorTable(readFileSync(DOCUMENT, 'utf8')));
