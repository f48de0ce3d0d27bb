/** `hearsay completion`, which prints the script for a shell, and `hearsay complete`, which the script asks. */
import { Argument, type Command } from 'commander';
import { HearsayError } from '../../words/errors.ts';
import { type ClientFlags, withCommandClient } from '../cache/clientCommand.ts';
import { nameContext, readContexts } from '../remote/contexts.ts';
import { printLine } from '../terminal/output.ts';
import { type Candidate, completionOf, type Wanted } from './candidates.ts';
import { FILES_LINE, SCRIPTS, SHELLS, type Shell } from './scripts.ts';

/** A person waits for the keys with a finger on the tab key. */
const KEYS_TIMEOUT_MS = 1000;
const MOST_KEYS = 100;
const ABOUT_CHARACTERS = 60;

export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .summary('print the script that completes commands in a shell')
    .description('Prints a script by which a shell completes commands, options and keys.')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) => printLine(SCRIPTS[shell].trimEnd()));
}

/** @param program already has the commands that the line names. */
export function registerComplete(program: Command): void {
  program
    .command('complete', { hidden: true })
    .description('Prints the words that may come next, for the scripts of shells.')
    .argument('[words...]', 'the words of the line after the program; the last one is being typed')
    .action((words: readonly string[]) => complete(program, words));
}

async function complete(program: Command, words: readonly string[]): Promise<void> {
  const { candidates, wanted } = completionOf(program, words);
  const asked = wanted === null ? [] : await wantedWords(wanted, words);
  for (const { text, about } of [...candidates, ...asked])
    await printLine(about === '' ? text : `${text}\t${shortAbout(about)}`);
  if (wanted === 'files') await printLine(FILES_LINE);
}

/** On one line, because a line is a candidate. */
function shortAbout(about: string): string {
  const line = about.replaceAll(/\s+/g, ' ');
  return line.length <= ABOUT_CHARACTERS ? line : `${line.slice(0, ABOUT_CHARACTERS - 1)}…`;
}

async function wantedWords(wanted: Wanted, words: readonly string[]): Promise<Candidate[]> {
  switch (wanted) {
    case 'keys':
      return keysWith(words);
    case 'contexts':
      return contextsWith(words.at(-1) ?? '');
    case 'files':
      return [];
  }
}

function contextsWith(current: string): Candidate[] {
  try {
    return Object.entries(readContexts().contexts).flatMap(([name, { urls }]) =>
      name.startsWith(current) ? [{ text: name, about: urls.join(',') }] : [],
    );
  } catch (error) {
    if (!(error instanceof HearsayError)) throw error;
    return [];
  }
}

/** Keys that could not be asked for are no keys: an error would be printed into the line that is typed. */
async function keysWith(words: readonly string[]): Promise<Candidate[]> {
  const prefix = words.at(-1) ?? '';
  const keys: Candidate[] = [];
  try {
    await withCommandClient(flagsOf(words), async (client) => {
      // A candidate is a line, and a tab ends its text.
      for await (const { key } of client.list({ prefix, values: false, limit: MOST_KEYS }))
        if (!/[\t\r\n]/.test(key)) keys.push({ text: key, about: '' });
    });
  } catch (error) {
    if (!(error instanceof HearsayError)) throw error;
  }
  return keys;
}

/** The flags on the line that say which node is asked, and by which token. */
function flagsOf(words: readonly string[]): ClientFlags {
  const given = (flag: string): string | undefined => {
    const at = words.indexOf(flag);
    const joined = words.find((word) => word.startsWith(`${flag}=`))?.slice(flag.length + 1);
    return joined ?? (at < 0 ? undefined : words[at + 1]);
  };
  const [url, tokenFile] = [given('--url'), given('--token-file')];
  nameContext(given('--context') ?? null);
  return {
    timeout: KEYS_TIMEOUT_MS,
    ...(url !== undefined && { url: url.split(',') }),
    ...(tokenFile !== undefined && { tokenFile }),
  };
}

const EXAMPLES = `
Examples:
  hearsay completion bash > ~/.local/share/bash-completion/completions/hearsay
  hearsay completion zsh > ~/.zfunc/_hearsay
  hearsay completion fish > ~/.config/fish/completions/hearsay.fish
  source <(hearsay completion bash)`;
