/** Keeps comments and documents true to the tree: each path, name and command that they cite is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explainedRows, MUTATED, mutantsOf, rowOf } from '../scripts/mutants.ts';
import { filesBelow, lineAt, type SourceFile, sourceFile, sourceFiles } from '../scripts/source.ts';
import { idOfSecret } from '../src/access/secret.ts';
import { describeSettings } from '../src/node/settingKinds.ts';
import { settingsShape } from '../src/node/settings.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CODE_FOLDERS = [
  ...['src', 'sim', 'test', 'scripts', 'bench', 'chaos', 'examples', 'worlds', 'adapters'],
];
/** The changelog tells of names that are gone. */
const DOCUMENTS = [
  ...['README.md', 'ARCHITECTURE.md', 'PROTOCOL.md', 'CONTRIBUTING.md', 'bench/README.md'],
  ...[...filesBelow('docs'), ...filesBelow('clients'), ...filesBelow('worlds')].filter((path) =>
    path.endsWith('.md'),
  ),
];
const OTHER_FILES = ['Dockerfile', 'docker-compose.yml', 'package.json'];

/** Cited with good reason, though nothing in the tree has the name. */
const OUTSIDE: Readonly<Record<string, string>> = {
  'aside/': 'a folder of a data directory',
  'examples/try.ts': 'a file that the reader makes',
  'hearsay.json': 'a file that the reader makes',
  'dist/': 'written by `npm run build`',
  'aside/ORIGIN/': 'a folder of a data directory',
  'coverage/': 'written by `npm run coverage`',
  '/openapi.json': 'a path of the REST interface',
  'NODE.RANDOM': 'the form of an origin',
  ffffffff: 'a number',
  'libfaketimeMT.so.1': 'a library of the system',
  'ops.3.version': 'a place in a body',
  echo: 'a command of the shell',
  randomUUID: 'a function of browsers',
  cacheHandler: 'a setting of Next.js',
  cacheHandlers: 'a setting of Next.js',
  'images.customCacheHandler': 'a setting of Next.js',
  revalidatePath: 'a function of Next.js',
  updateTag: 'a function of Next.js',
};

interface Text {
  readonly path: string;
  readonly text: string;
}

interface Tree {
  readonly paths: readonly string[];
  readonly words: ReadonlySet<string>;
  readonly scripts: ReadonlySet<string>;
}

const references = suite('references');

references('no document shows a token that could be one', () => {
  const folders = ['examples', 'postman', 'deploy', 'docker', 'prometheus'].flatMap(filesBelow);
  const paths = [...DOCUMENTS, 'SECURITY.md', 'CHANGELOG.md', ...folders];
  const shown = paths.filter((path) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(/hsy_[\w.-]+/g)].some(
      ([token]) => idOfSecret(token) !== null,
    ),
  );
  assert.equal(shown, []);
});

references('each path, name and command in backticks is there', () => {
  const tree = treeOf();
  const cited = new Set<string>();
  const dead = texts().flatMap((text) =>
    spansIn(text).flatMap(({ span, line }) => {
      if (OUTSIDE[span] !== undefined) cited.add(span);
      else if (!isThere(span, tree)) return [`${text.path}:${line} \`${span}\``];
      return [];
    }),
  );
  assert.equal(dead, []);
  assert.equal(
    Object.keys(OUTSIDE).filter((span) => !cited.has(span)),
    [],
    'exceptions that nothing cites any more',
  );
});

references('no comment cites a document that is not in the tree', () => {
  const headings = new Set(
    documents().flatMap(({ text }) => [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1])),
  );
  const dead = sources().flatMap(({ path, comments }) =>
    [...comments.matchAll(/\bthe design\b|\.md, "([^"]+)"/gi)]
      .filter((match) => !headings.has(match[1]))
      .map((match) => `${path}:${lineAt(comments, match.index)} ${match[0]}`),
  );
  assert.equal(dead, []);
});

references('a comment begins with a subject, not with What, Which, Whom or Whoever', () => {
  assert.equal(sources().flatMap(withoutSubject), []);
  const found = (text: string): number => withoutSubject(sourceFile('src/a.ts', text)).length;
  assert.is(found('/** What a node holds. */'), 1);
  assert.is(found('/**\n * Which ops are stable.\n */'), 1);
  assert.is(found('// Whoever dials.\n'), 1);
  assert.is(found('// Of what both hold, one half.\n'), 1);
  assert.is(found('// A sentence that goes on to say\n// What it is.\n'), 0);
  assert.is(found('/** The ops that a node holds. */'), 0);
});

references('no comment names a person or a part as whoever, whomever or of what', () => {
  const vague = /\b(?:whoever|whomever|(?:of|for|from) whom|of what(?= (?:is|was|it|they)\b))/gi;
  const found = ({ path, comments }: SourceFile): string[] =>
    [...comments.matchAll(vague)].map(
      ({ index, 0: words }) => `${path}:${lineAt(comments, index)} ${words}`,
    );
  assert.equal(sources().flatMap(found), []);
  assert.is(found(sourceFile('src/a.ts', '// It ends when whoever asks does.\n')).length, 1);
  assert.is(found(sourceFile('src/a.ts', '// The end of what is left.\n')).length, 1);
  assert.is(found(sourceFile('src/a.ts', '// The members that ask.\n')).length, 0);
});

references('each link of a document leads to a file', () => {
  const dead = documents().flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(join(ROOT, dirname(path), target)))
      .map((target) => `${path} links to ${target}`),
  );
  assert.equal(dead, []);
});

references('the rules above catch what they are for', () => {
  const tree: Tree = {
    paths: ['src/words/op.ts', 'docs/adr/0001-first.md'],
    words: new Set(['compareOps', 'Replica', 'submit', 'MAX_OPS']),
    scripts: new Set(['sim']),
  };
  for (const span of [
    'op.ts',
    'words/op.ts',
    'src/words/op.ts',
    'src/words/',
    'docs/adr/',
    'compareOps',
    'Replica.submit()',
    'MAX_OPS',
    'npm run sim -- --seed 7',
    'GET /cache/{key}',
    '--port 8000',
    'a / b',
  ])
    assert.ok(isThere(span, tree), span);
  for (const span of [
    'map.ts',
    'rules/op.ts',
    'src/rules/',
    'comparedOps',
    'Replica.sent',
    'MIN_OPS',
    'npm run soak',
  ])
    assert.not.ok(isThere(span, tree), span);
  const source = sourceFile('src/a.ts', '/** As `one`. */\nconst two = `three`; // `four`\n');
  assert.equal(
    spansIn({ path: source.path, text: source.comments }).map(({ span }) => span),
    ['one', 'four'],
  );
  const fenced = { path: 'a.md', text: withoutFences('`one`\n```sh\n`two`\n```\n`three`') };
  assert.equal(
    spansIn(fenced).map(({ span, line }) => [span, line]),
    [
      ['one', 1],
      ['three', 5],
    ],
  );
});

references('each change of a condition that is explained as a survivor can still be made', () => {
  const possible = new Set(
    sourceFiles(...MUTATED)
      .flatMap(mutantsOf)
      .map(rowOf),
  );
  const explained = explainedRows(readFileSync(join(ROOT, 'docs/simulation.md'), 'utf8'));
  assert.ok(explained.length > 50);
  assert.equal(
    explained.filter((row) => !possible.has(row)),
    [],
  );
});

references.run();

function withoutSubject({ path, text, comments }: SourceFile): string[] {
  const start = /(?:\/\*\*|\/\/)[\s*]*(?:What|Which|Whom|Whose|Whoever|Of (?:what|whom))\b.*/g;
  return [...comments.matchAll(start)]
    .filter(({ index, 0: found }) => !(found.startsWith('//') && followsLine(text, index)))
    .map((match) => `${path}:${lineAt(comments, match.index)} ${match[0]}`);
}

/** Whether the line before the offset is a comment that this one goes on with. */
function followsLine(text: string, offset: number): boolean {
  return /^\s*\/\//.test(text.slice(0, offset).split('\n').at(-2) ?? '');
}

/** Without the pages for those who come from elsewhere, which cite the commands and settings of others. */
function texts(): Text[] {
  const comments = sources().map(({ path, comments: text }) => ({ path, text }));
  return [...comments, ...documents().filter(({ path }) => !path.startsWith('docs/from-'))];
}

function documents(): Text[] {
  return DOCUMENTS.map((path) => ({ path, text: withoutFences(read(path)) }));
}

function sources(): SourceFile[] {
  return sourceFiles(...CODE_FOLDERS);
}

/** Keeps the number of lines. */
function withoutFences(text: string): string {
  return text.replace(/^```.*?^```/gms, (fence) => fence.replace(/[^\n]/g, ' '));
}

function spansIn({ text }: Text): { span: string; line: number }[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map((match) => ({
    span: (match[1] ?? '').trim(),
    line: lineAt(text, match.index),
  }));
}

function treeOf(): Tree {
  const others = [...OTHER_FILES, ...['docker', '.ci', 'clients'].flatMap(filesBelow)];
  const files = sources();
  const words = new Set<string>();
  const codes = files.map(({ text, comments }) => withoutComments(text, comments));
  for (const text of [...codes, ...others.map(read)])
    for (const [word] of text.matchAll(/[A-Za-z_$][\w$]*/g)) words.add(word);
  for (const { environment } of describeSettings(settingsShape))
    if (environment !== null) words.add(environment);
  for (const name of rootFiles()) words.add(name);
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  return {
    paths: [...CODE_FOLDERS, 'clients', 'docs', '.ci', 'docker']
      .flatMap(filesBelow)
      .concat(rootFiles()),
    words,
    scripts: new Set(Object.keys(scripts)),
  };
}

const rootFiles = (): string[] => readdirSync(ROOT).filter((name) => name !== 'node_modules');

function isThere(span: string, { paths, words, scripts }: Tree): boolean {
  const script = /^npm run (?:-s )?([\w:-]+)/.exec(span)?.[1];
  if (script !== undefined) return scripts.has(script);
  const isPath =
    /^[\w./-]+\.(ts|mjs|md|json|yml|txt|sh)$/.test(span) || /^[\w.-]+(\/[\w.-]+)*\/$/.test(span);
  if (isPath)
    return paths.some((path) => `/${path}`.endsWith(`/${span}`) || `/${path}`.includes(`/${span}`));
  if (!/^[A-Za-z_$#][\w$]*([.#][\w$]+)*(\(\))?$/.test(span)) return true;
  const names = span.replace('()', '').split(/[.#]/);
  return names.every((name) => name === '' || words.has(name));
}

function withoutComments(text: string, comments: string): string {
  let code = '';
  let end = 0;
  for (const { index, 0: comment } of comments.matchAll(/\S.*/g)) {
    code += `${text.slice(end, index)} `;
    end = index + comment.trimEnd().length;
  }
  return code + text.slice(end);
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}
