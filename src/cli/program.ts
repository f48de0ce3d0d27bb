/** The commands and their help, and the words and exit code of each outcome. */
import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../node/version.ts';
import { HearsayError, SettingError } from '../words/errors.ts';
import { leaveParent, tellParent, UNDER_CLUSTER_FLAG } from './cluster/parent.ts';
import { hideSecrets } from './processTitle.ts';
import { nameContext } from './remote/contexts.ts';
import { endElements, note, writeFailure } from './terminal/output.ts';
import { applyOutputForm } from './terminal/outputForm.ts';

const FAILURE = 1;
const USAGE = 2;
const HELP_COLUMNS = 80;
/** The longest flags leave less than the forty columns below which commander stops to wrap. */
const HELP_TEXT_COLUMNS = 24;
/**
 * The longest wait for output still on its way; other work that keeps the process alive then is cut
 * short.
 */
const DRAIN_LIMIT_MS = 1000;

/** Adds commands to the program. @returns the words for the program to parse. */
export type AddCommands = (
  program: Command,
  words: readonly string[],
  entry: string,
) => readonly string[] | Promise<readonly string[]>;

/**
 * Runs one command and sets the exit code: 0, 1 for a failure, 2 for wrong usage.
 *
 * @param entry the file of the `hearsay` command.
 */
export async function runProgram(
  words: readonly string[],
  entry: string,
  addCommands: AddCommands,
): Promise<void> {
  hideSecrets(words);
  const isServer = SERVERS.has(words[0] ?? '') && !words.some((word) => HELP.has(word));
  if (isServer) serveWithoutReaders();
  else endWithReaders();
  const isUnderCluster = words.includes(UNDER_CLUSTER_FLAG);
  try {
    const program = createProgram();
    program.hook('preAction', (_program, command) => prepare(command));
    await program.parseAsync(await addCommands(program, words, entry), { from: 'user' });
    await endElements(false);
    process.exitCode ??= 0;
  } catch (error) {
    await endElements(true);
    await report(error, isUnderCluster);
    if (words[0] === 'log' && isExcess(error))
      process.stderr.write('Name the log by --data-dir or --url.\n');
    process.exitCode = exitCodeOf(error);
  }
  if (isUnderCluster) leaveParent();
  setTimeout(() => process.exit(), DRAIN_LIMIT_MS).unref();
}

/** The options that hold for the command as a whole. */
function prepare(command: Command): void {
  applyOutputForm(command);
  const context: unknown = command.getOptionValue('context');
  nameContext(typeof context === 'string' ? context : null);
}

/** Commander names the value and the argument before a sentence that quotes the value itself. */
const withoutEcho = (text: string): string =>
  text.replace(/^error: command-argument value '.*' is invalid for argument '.*'\. (?=")/, '');

function createProgram(): Command {
  return new Command('hearsay')
    .description('An event-sourced cache whose nodes gossip.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureOutput({
      getOutHelpWidth: () => HELP_COLUMNS,
      getErrHelpWidth: () => HELP_COLUMNS,
      outputError: (text, write) => write(withoutEcho(text)),
    })
    .configureHelp({
      minWidthToWrap: HELP_TEXT_COLUMNS,
      // Commander takes the codes away where there are no colours.
      styleTitle: (title) => styleText('bold', title, { validateStream: false }),
    })
    .showHelpAfterError('Add --help to see the usage.')
    .exitOverride()
    .addHelpText('after', PROGRAM_EXAMPLES);
}

/** One sentence if the error is meant for people, else all details that help to find the fault. */
async function report(error: unknown, isUnderCluster: boolean): Promise<void> {
  // Commander has written its own words already.
  if (error instanceof CommanderError) return;
  if (!(error instanceof HearsayError)) {
    console.error(error);
    return;
  }
  const message = { kind: 'failed', sentence: error.message } as const;
  if (isUnderCluster && (await tellParent(message))) return;
  note(error.message);
}

const isExcess = (error: unknown): boolean =>
  error instanceof CommanderError && error.code === 'commander.excessArguments';

function exitCodeOf(error: unknown): number {
  // Commander itself would exit with 1 on wrong usage.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  return error instanceof SettingError ? USAGE : FAILURE;
}

/** Commands whose purpose is not their output. */
const SERVERS: ReadonlySet<string> = new Set(['serve', 'cluster']);

const HELP: ReadonlySet<string> = new Set(['-h', '--help']);

/** Output that can't be written stops no node. */
function serveWithoutReaders(): void {
  process.stdout.on('error', (error) => {
    process.stderr.write(`The output can't be written: ${writeFailure(error)}.\n`);
  });
  process.stderr.on('error', () => {});
}

/** `hearsay … | head` ends when its reader does; a message that nobody reads stops no command. */
function endWithReaders(): void {
  process.stdout.on('error', (error) => {
    // The reader has what it wanted.
    if ('code' in error && error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`The output can't be written: ${writeFailure(error)}.\n`);
    process.exit(FAILURE);
  });
  process.stderr.on('error', () => {});
}

const PROGRAM_EXAMPLES = `
Examples:
  hearsay cluster                    three nodes on ports 8001 to 8003
  hearsay serve --port 9000          one node
  hearsay serve --help               every setting of a node`;
