/** The token of a cluster, as a person gives it: by itself or by its file. */
import { SettingError } from '../words/errors.ts';
import type { NodeSettings } from './nodeSettings.ts';
import type { Flags } from './settingKinds.ts';

type TokenSettings = Pick<NodeSettings, 'internalToken' | 'internalTokenFile'>;

const TOKEN = /^[\x21-\x7e]{1,256}$/;

/** Whether a text can be the token of a cluster. */
export const isToken = (text: string): boolean => TOKEN.test(text);

/**
 * The token and its file are one setting under two names, so a flag of either beats the environment
 * variable of the other.
 *
 * @throws SettingError if both are flags, or both are variables.
 */
export function oneToken(
  given: TokenSettings,
  flags: Flags,
  [tokenFlag, fileFlag] = ['--internal-token', '--internal-token-file'],
): TokenSettings {
  const { internalToken: token, internalTokenFile: file } = flags;
  if (token === undefined && file === undefined) {
    refuseTwoTokens(given, 'INTERNAL_TOKEN', 'INTERNAL_TOKEN_FILE');
    return { internalToken: given.internalToken, internalTokenFile: given.internalTokenFile };
  }
  if (token !== undefined && file !== undefined) refuseTwoTokens(given, tokenFlag, fileFlag);
  return {
    internalToken: token === undefined ? null : given.internalToken,
    internalTokenFile: file === undefined ? null : given.internalTokenFile,
  };
}

/** @throws SettingError if both are given. */
export function refuseTwoTokens(given: TokenSettings, token: string, file: string): void {
  if (given.internalToken === null || given.internalTokenFile === null) return;
  throw new SettingError(`Give ${token} or ${file}, not both: a node has one token.`);
}
