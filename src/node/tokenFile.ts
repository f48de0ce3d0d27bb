/**
 * The source of the cluster's token: the given token, else a named file, else a file of this user,
 * which the first node that needs it makes. So the nodes and commands of one user find one another
 * without a setting, and no secret is one that others know.
 */

import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { OWN_DIRECTORY_MODE, OWN_FILE_MODE } from '../log/sqlite/ownFile.ts';
import { SettingError } from '../words/errors.ts';
import { fileFailure } from '../words/fileFailure.ts';
import type { Environment } from './settingKinds.ts';
import { isToken } from './token.ts';

/** The given token, or the file with the given name; both are null if neither was given. */
export interface GivenToken {
  readonly internalToken: string | null;
  readonly internalTokenFile: string | null;
}

const TOKEN_BYTES = 32;
const MAX_TOKENS = 2;
const ABSENCES: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);

/**
 * The file of this user, at the place that the XDG Base Directory Specification gives for a program's
 * own state.
 */
export function userTokenFile(environment: Environment): string {
  const state = environment.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return join(state, 'hearsay', 'internal-token');
}

/** The token of a cluster, and the one that it replaces or is replaced by: the first is shown, each is taken. */
export type Tokens = readonly [string, ...string[]];

/**
 * The tokens of a node.
 *
 * @param userFile made with a new token if it is needed and missing.
 * @param warn called if the token can't be kept: it then serves this run alone.
 * @throws SettingError if a named file, or the user's, holds no token.
 */
export function tokensOfNode(
  { internalToken, internalTokenFile }: GivenToken,
  userFile: string,
  warn: (text: string) => void,
): Tokens {
  if (internalToken !== null) return [internalToken];
  if (internalTokenFile !== null) return readTokens(internalTokenFile);
  try {
    makeTokenFile(userFile);
  } catch (error) {
    warn(
      `No token was given, and ${userFile} can't be made (${reasonOf(error)}): other nodes and the tools ` +
        'that need a token are refused until --internal-token-file (INTERNAL_TOKEN_FILE) names one.',
    );
    return [newToken()];
  }
  return readTokens(userFile);
}

/** As `tokensOfNode`, for who needs one. */
export const tokenOfNode = (...given: Parameters<typeof tokensOfNode>): string =>
  tokensOfNode(...given)[0];

/**
 * The token of a command that asks nodes; null if there is none. @throws the errors of `tokenOfNode`.
 */
export function tokenOfCommand(
  { internalToken, internalTokenFile }: GivenToken,
  userFile: string,
): string | null {
  if (internalToken !== null) return internalToken;
  if (internalTokenFile !== null) return readTokens(internalTokenFile)[0];
  return textOf(userFile) === null ? null : readTokens(userFile)[0];
}

/** @throws SettingError with one sentence that names the file and its fault, and no token. */
export function readTokens(file: string): Tokens {
  const text = textOf(file);
  if (text === null)
    throw new SettingError(`The token file ${file} is not there: make it, or name another.`);
  // Editors and `echo` end a file with a line feed.
  const [first = '', ...others] = text.trim().split(/\s*\n\s*/);
  if ([first, ...others].every(isToken) && others.length < MAX_TOKENS) return [first, ...others];
  throw new SettingError(
    `The token file ${file} must hold 1 to 256 printable ASCII characters without spaces, and nothing else but a ` +
      'second such line while one token replaces another.',
  );
}

/** @returns null if there is no such file. */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return null;
    throw new SettingError(`The token file ${file} can't be read (${fileFailure(error)}).`, {
      cause: error,
    });
  }
}

/** Makes the file whole or not at all, even if another process makes it at the same moment. */
function makeTokenFile(file: string): void {
  if (textOf(file) !== null) return;
  mkdirSync(dirname(file), { recursive: true, mode: OWN_DIRECTORY_MODE });
  const made = `${file}.${process.pid}`;
  writeFileSync(made, `${newToken()}\n`, { mode: OWN_FILE_MODE });
  try {
    linkSync(made, file);
  } catch (error) {
    if (textOf(file) === null) throw error;
  } finally {
    rmSync(made, { force: true });
  }
}

const isAbsence = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ABSENCES.has(String(error.code));

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url');
