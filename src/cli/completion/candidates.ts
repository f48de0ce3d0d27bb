/** The words that may come next on a command line, from the tree of commands. */
import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  readonly text: string;
  readonly about: string;
}

/** Words that the tree does not know. */
export type Wanted = 'keys' | 'files' | 'contexts';

export interface Completion {
  /** Those that begin as the last word does. */
  readonly candidates: readonly Candidate[];
  readonly wanted: Wanted | null;
}

const NONE: Completion = { candidates: [], wanted: null };

/**
 * @param program with the commands that the words name.
 * @param words of the line after the name of the program; the last one is being typed, and may be empty.
 */
export function completionOf(program: Command, words: readonly string[]): Completion {
  const current = words.at(-1) ?? '';
  let command = program;
  let place = 0;
  let expecting: Option | null = null;
  let areOptionsOver = false;
  for (const word of words.slice(0, -1)) {
    if (expecting !== null) expecting = null;
    else if (word === '--') areOptionsOver = true;
    else if (word.startsWith('-') && !areOptionsOver) expecting = optionThatWaits(command, word);
    else {
      const sub: Command | undefined = place === 0 ? subcommand(command, word) : undefined;
      if (sub === undefined) place++;
      else command = sub;
    }
  }
  if (expecting !== null) return ofOption(expecting, current);
  const [name = '', value] = splitAt(current, '=');
  if (value !== null && name.startsWith('--')) {
    const { candidates, wanted } = ofOption(optionCalled(command, name), value);
    const whole = candidates.map((each) => ({ ...each, text: `${name}=${each.text}` }));
    return { candidates: whole, wanted };
  }
  if (current.startsWith('-') && !areOptionsOver) return matching(options(command), current);
  const commands = place === 0 ? visible(command) : [];
  if (commands.length > 0) return matching(commands, current);
  return ofArgument(argumentAt(command, place), current);
}

const matching = (all: readonly Candidate[], current: string): Completion => ({
  candidates: all.filter(({ text }) => text.startsWith(current)),
  wanted: null,
});

const subcommand = (command: Command, word: string): Command | undefined =>
  command.commands.find((each) => each.name() === word);

const visible = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ text: each.name(), about: each.summary() || each.description() }));

const options = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short, description }) => ({ text: long ?? short ?? '', about: description }));

const optionCalled = (command: Command, word: string): Option | null =>
  command.options.find(({ long, short }) => long === word || short === word) ?? null;

/** Null if the option has its value already, or takes none. */
function optionThatWaits(command: Command, word: string): Option | null {
  const option = optionCalled(command, word);
  return option?.required === true ? option : null;
}

function ofOption(option: Option | null, current: string): Completion {
  if (option === null) return NONE;
  if (option.argChoices !== undefined) return matching(option.argChoices.map(bare), current);
  if (option.long === '--context') return { candidates: [], wanted: 'contexts' };
  const isPath = /<(file|directory|path)>/.test(option.flags);
  return isPath ? { candidates: [], wanted: 'files' } : NONE;
}

function ofArgument(argument: Argument | undefined, current: string): Completion {
  if (argument === undefined) return NONE;
  if (argument.argChoices !== undefined) return matching(argument.argChoices.map(bare), current);
  const wanted = WANTED.get(argument.name()) ?? null;
  return { candidates: [], wanted };
}

const WANTED: ReadonlyMap<string, Wanted> = new Map([
  ['key', 'keys'],
  ['prefix', 'keys'],
  ['file', 'files'],
  ['a', 'files'],
  ['b', 'files'],
  ['context', 'contexts'],
]);

function argumentAt(command: Command, place: number): Argument | undefined {
  const all = command.registeredArguments;
  const last = all.at(-1);
  return all[place] ?? (last?.variadic === true ? last : undefined);
}

const bare = (text: string): Candidate => ({ text, about: '' });

function splitAt(text: string, mark: string): [string, string | null] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}
