/** `--output`: a table for people, or JSON for programs, of every command that prints results. */
import { type Command, Option } from 'commander';
import { printElements } from './output.ts';

/**
 * How many results a command prints: an endless number can't be one JSON document. `keys`: one for each key that it is
 * given, and it makes the document of several by itself.
 */
export type Results = 'one' | 'keys' | 'many' | 'endless';

const FORMS = {
  // The document of one result is one line.
  one: ['table', 'json', 'ndjson'],
  keys: ['table', 'json', 'ndjson'],
  many: ['table', 'json', 'ndjson'],
  endless: ['table', 'ndjson'],
};

const HELP = {
  one: 'form of the result; json and ndjson are one line',
  keys: 'form of the results; json is one document, an array of several keys; ndjson a line for each',
  many: 'form of the results; json is one document, ndjson a line for each',
  endless: 'form of the results; ndjson is a line of JSON for each',
};

/** Of each command with `--output`. */
const resultsOf = new WeakMap<Command, Results>();

export const jsonOption = (results: Results = 'many'): Option =>
  new Option('--json', results === 'one' ? 'as --output json' : 'one line of JSON for each result');

/** Adds `--output` and its short form `--json`. */
export function addOutputOptions(command: Command, results: Results): Command {
  resultsOf.set(command, results);
  return command
    .addOption(
      new Option('--output <form>', `${HELP[results]} (default table)`)
        .choices(FORMS[results])
        .conflicts('json'),
    )
    .addOption(jsonOption(results));
}

/** Called before each command runs: its own code only asks whether JSON is wanted. */
export function applyOutputForm(command: Command): void {
  const results = resultsOf.get(command);
  const form: unknown = results === undefined ? undefined : command.getOptionValue('output');
  if (form === 'json' || form === 'ndjson') command.setOptionValue('json', true);
  printElements(results === 'many' && form === 'json');
}
