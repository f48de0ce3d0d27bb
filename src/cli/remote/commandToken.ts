/**
 * The token that a command shows. The first of these counts: a flag, HEARSAY_TOKEN, that of the context, the file of
 * this user, and for a node of this machine the token for `admin` in its data directory.
 */

import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { idOfSecret } from '../../access/secret.ts';
import { findAdminToken } from '../../node/adminToken.ts';
import { isLoopback } from '../../node/loopback.ts';
import { SettingError } from '../../words/errors.ts';
import { fileFailure } from '../../words/fileFailure.ts';
import { note } from '../terminal/output.ts';
import { contextOption, presentContext } from './contexts.ts';
import { authoritiesOption } from './trust.ts';

export interface TokenFlags {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly plainHttp?: boolean;
}

const OTHERS = 0o077;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const DEFAULT_DATA_DIR = './data';

/** At the place that the XDG Base Directory Specification gives for a program's settings. */
const userFile = (): string =>
  join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'hearsay', 'token');

/** Adds the options by which a command and a node trust each other. */
export const addTrustOptions = (command: Command): Command =>
  command
    .addOption(tokenOption())
    .addOption(tokenFileOption())
    .addOption(authoritiesOption())
    .addOption(contextOption())
    .addOption(
      new Option(
        '--plain-http',
        'send the token to another machine by http too, unencrypted (HEARSAY_PLAIN_HTTP=true)',
      ),
    );

export const tokenOption = (): Option =>
  new Option(
    '--token <token>',
    'token to show (HEARSAY_TOKEN); other users of the machine see a flag, so give a file',
  );

export const tokenFileOption = (): Option =>
  new Option('--token-file <file>', 'file that holds the token (default ~/.config/hearsay/token)');

/** A text that a person gave as a token: for every route, or that of the cluster. */
export interface GivenToken {
  readonly text: string;
  readonly isOfCluster: boolean;
  /** The only nodes to which it goes; absent if it goes to any that is asked. */
  readonly onlyFor?: readonly string[];
}

/**
 * The token that a person gave, by any way; null if none did.
 *
 * @throws SettingError if a file can't be read, is open to others, or a token is torn.
 */
export function givenToken({ token, tokenFile }: TokenFlags): GivenToken | null {
  if (token !== undefined && tokenFile !== undefined)
    throw new SettingError('Give --token or --token-file, not both.');
  if (token !== undefined) {
    note(
      'Other users of this machine can see a flag: give the token by --token-file or HEARSAY_TOKEN.',
    );
    return classified(token, '--token');
  }
  if (tokenFile !== undefined) return classified(textOf(tokenFile), tokenFile);
  if (process.env.HEARSAY_TOKEN) return classified(process.env.HEARSAY_TOKEN, 'HEARSAY_TOKEN');
  const context = presentContext();
  if (context?.token !== undefined)
    return { ...classified(context.token, 'the context'), onlyFor: originsOf(context.urls) };
  const file = userFile();
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined) return null;
  if (process.platform !== 'win32' && (status.mode & OTHERS) !== 0)
    throw new SettingError(
      `The token file ${file} is open to other users: take their rights by chmod 600.`,
    );
  return classified(textOf(file), file);
}

/**
 * @throws SettingError for a node of another machine that is asked by http: everyone on the way could read the token.
 */
export function refuseInClear(url: string, { plainHttp }: TokenFlags): void {
  const { protocol, hostname } = new URL(url);
  const isOnOtherMachine = !isLoopback(hostname.replace(/^\[|\]$/g, ''));
  const isAllowed = plainHttp === true || process.env.HEARSAY_PLAIN_HTTP === 'true';
  if (protocol !== 'http:' || !isOnOtherMachine || isAllowed) return;
  throw new SettingError(
    `The token would go to ${url} unencrypted: name the node by https, or give --plain-http ` +
      '(HEARSAY_PLAIN_HTTP=true) if nobody on the way can read it.',
  );
}

/**
 * The token for one node: the given one, or the one in the data directory of a node of this machine.
 *
 * @param url of the node.
 * @throws the errors of `refuseInClear`.
 */
export const tokenFor = (
  url: string,
  given: GivenToken | null,
  flags: TokenFlags,
): string | null => {
  const isForOthers = given?.onlyFor?.includes(new URL(url).origin) === false;
  if (isForOthers) return findAdminToken(url, process.env.DATA_DIR || DEFAULT_DATA_DIR);
  if (given !== null && !given.isOfCluster) refuseInClear(url, flags);
  if (given !== null) return given.isOfCluster ? null : given.text;
  return findAdminToken(url, process.env.DATA_DIR || DEFAULT_DATA_DIR);
};

const originsOf = (urls: readonly string[]): string[] =>
  urls.flatMap((url) => (URL.canParse(url) ? new URL(url).origin : []));

/** @throws SettingError for a token of a node that was cut or mistyped. */
function classified(given: string, place: string): GivenToken {
  const text = given.trim();
  if (text.startsWith('hsy_') && idOfSecret(text) === null)
    throw new SettingError(`The token in ${place} is torn or mistyped: copy the whole of it.`);
  return { text, isOfCluster: !text.startsWith('hsy_') && !JWT.test(text) };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingError(`The token file ${file} can't be read (${fileFailure(error)}).`, {
      cause: error,
    });
  }
}
