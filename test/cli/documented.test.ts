/** The commands and options that the documents name are those that the program has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBelow } from '../../scripts/source.ts';
import { addCommands } from '../../src/cli/commands.ts';

const documented = suite('documented commands');

const ROOT = new URL('../../', import.meta.url).pathname;
const DOCUMENTS = [
  ...['README.md', 'ARCHITECTURE.md', 'PROTOCOL.md', 'SECURITY.md'],
  ...filesBelow('docs').filter((path) => path.endsWith('.md') && !path.startsWith('docs/adr/')),
];

/** The options in these are of scripts of this tree, and of other programs. */
const OF_SCRIPTS = new Set([
  ...['chaos', 'compatibility', 'performance', 'scale', 'simulation'].map(
    (name) => `docs/${name}.md`,
  ),
]);
/** In a table of what to install beside `hearsay`. */
const PACKAGES = new Set(['keyv', 'unstorage', 'bentocache', 'express-session', 'koa-session']);
/** Options of other programs. */
const OF_OTHERS = new Set(['--build-arg', '--keys-only', '--rev']);

async function program(): Promise<Command> {
  const whole = new Command('hearsay');
  await addCommands(whole, [], 'main.ts');
  return whole;
}

const optionsOf = (command: Command): string[] => [
  ...command.options.flatMap(({ long }) => long ?? []),
  '--help',
];

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];

/** The lines of a document, those that a backslash goes on with as one. */
const linesOf = (path: string): string[] =>
  readFileSync(join(ROOT, path), 'utf8')
    .replace(/ *\\\n */g, ' ')
    .split('\n');

/** The words after each `hearsay` of a line, up to the end of the command. */
const callsIn = (line: string): string[][] =>
  [...line.matchAll(/(?:^|`|npx |-- |\$ )hearsay ((?:(?!#|`|\||;|&&| {2}).)+)/g)].map(([, words]) =>
    (words ?? '').trim().split(/\s+/),
  );

/** @returns a sentence for each word that the program would refuse. */
function faultsOf(whole: Command, words: readonly string[]): string[] {
  let command = whole;
  for (const word of words) {
    if (command.commands.length === 0 || !/^[a-z][a-z-]*$/.test(word)) break;
    if (word === 'help' || PACKAGES.has(word)) return [];
    const found = command.commands.find((one) => one.name() === word);
    if (found === undefined) return [`there is no ${command.name()} ${word}`];
    command = found;
  }
  if (command === whole) return [];
  const known = optionsOf(command);
  return words
    .flatMap((word) => /^--[a-z][a-z-]*/.exec(word)?.[0] ?? [])
    .filter((option) => !known.includes(option))
    .map((option) => `${command.name()} has no ${option}`);
}

documented(
  'a command line in a document names a command that is there, with its options',
  async () => {
    const whole = await program();
    const calls = DOCUMENTS.flatMap((path) =>
      linesOf(path).flatMap((line) => callsIn(line).map((words) => ({ path, words }))),
    );
    assert.ok(calls.length > 50, `${calls.length} command lines`);
    const faults = calls.flatMap(({ path, words }) =>
      faultsOf(whole, words).map((fault) => `${path}: ${fault}: ${words.join(' ')}`),
    );
    assert.equal(faults, []);
    assert.equal(faultsOf(whole, ['log', 'state']), ['there is no log state']);
    assert.equal(faultsOf(whole, ['get', 'a', '--prefix', 'b']), ['get has no --prefix']);
  },
);

documented('an option in a document is one of some command', async () => {
  const known = new Set([...allOf(await program()).flatMap(optionsOf), ...OF_OTHERS]);
  const unknown = DOCUMENTS.filter((path) => !OF_SCRIPTS.has(path)).flatMap((path) =>
    linesOf(path).flatMap((line) =>
      [...line.matchAll(/`(--[a-z][a-z-]*[a-z])(?=[ `=])/g)]
        .flatMap(([, option]) => option ?? [])
        .filter((option) => !known.has(option))
        .map((option) => `${path}: ${option}`),
    ),
  );
  assert.equal(unknown, []);
});

documented.run();
