/**
 * Contexts: named clusters of this user, with the URLs of their nodes and the token for them.
 *
 * Invariants: a token of a context goes to the URLs of that context alone. Only its user can read the file.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Option } from 'commander';
import { z } from 'zod';
import { nearestName } from '../../node/nearestName.ts';
import { SettingError } from '../../words/errors.ts';
import { fileFailure } from '../../words/fileFailure.ts';

const contextSchema = z.strictObject({
  urls: z.array(z.string()).min(1),
  token: z.string().optional(),
  ca: z.string().optional(),
});

const fileSchema = z.strictObject({
  current: z.string().nullable(),
  contexts: z.record(z.string(), contextSchema),
});

export type Context = z.output<typeof contextSchema>;
export type Contexts = z.output<typeof fileSchema>;

const NONE: Contexts = { current: null, contexts: {} };
const OTHERS = 0o077;
const OWN_FILE = 0o600;
const OWN_DIRECTORY = 0o700;

export const contextOption = (): Option =>
  new Option('--context <name>', 'a context, in the place of the present one (HEARSAY_CONTEXT)');

/** At the place that the XDG Base Directory Specification gives for a program's settings. */
export const contextsFile = (): string =>
  join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'hearsay', 'contexts.json');

/** @throws SettingError if the file can't be read, is open to other users, or holds anything else. */
export function readContexts(): Contexts {
  const file = contextsFile();
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) return NONE;
  if (process.platform !== 'win32' && (status.mode & OTHERS) !== 0)
    throw new SettingError(
      `The file of contexts ${file} is open to other users: take their rights by chmod 600.`,
    );
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const isForm = error instanceof SyntaxError || error instanceof z.ZodError;
    const reason = isForm ? 'it holds no contexts' : fileFailure(error);
    throw new SettingError(
      `The file of contexts ${file} can't be read (${reason}): mend it, or remove it.`,
      { cause: error },
    );
  }
}

/** Replaces the file as a whole. @throws SettingError if it can't be written. */
export function writeContexts(contexts: Contexts): void {
  const file = contextsFile();
  const temporary = `${file}.${process.pid}.new`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: OWN_DIRECTORY });
    rmSync(temporary, { force: true });
    const descriptor = openSync(temporary, 'wx', OWN_FILE);
    try {
      writeSync(descriptor, `${JSON.stringify(contexts, null, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    throw new SettingError(
      `The file of contexts ${file} can't be written (${fileFailure(error)}).`,
      {
        cause: error,
      },
    );
  }
}

/** The name that `--context` gave to this command; null if it gave none. */
let named: string | null = null;

/** Called before each command runs. */
export function nameContext(name: string | null): void {
  named = name;
}

/**
 * The context of this command: the one of `--context`, else of HEARSAY_CONTEXT, else the one in use; null if there is
 * none.
 *
 * @throws SettingError for a name that is none, and the errors of `readContexts`.
 */
export function presentContext(): Context | null {
  const asked = named ?? (process.env.HEARSAY_CONTEXT || null);
  const { current, contexts } = readContexts();
  const name = asked ?? current;
  return name === null ? null : contextCalled(contexts, name);
}

/** Whether the command itself names a context, which then beats HEARSAY_URL. */
export const isContextNamed = (): boolean => named !== null;

/** @throws SettingError for a name that is none. */
export function contextCalled(contexts: Contexts['contexts'], name: string): Context {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found !== undefined) return found;
  const near = nearestName(name, Object.keys(contexts));
  const advice = near === null ? '`hearsay context list` names them all' : `the nearest is ${near}`;
  throw new SettingError(`There is no context ${name}: ${advice}.`);
}
