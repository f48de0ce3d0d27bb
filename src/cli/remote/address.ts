/**
 * The nodes that a command talks to. One rule holds for every command: `--url`, else HEARSAY_URL, else
 * the first port of `hearsay serve` and then that of `hearsay cluster`, which is `npm start`.
 */
import { SettingError } from '../../words/errors.ts';

const DEFAULT_URLS: readonly string[] = ['http://localhost:8000', 'http://localhost:8001'];

/** For the help of `--url`. */
export const URL_RULE = `HEARSAY_URL, default ${DEFAULT_URLS.join(' or ')}`;

/** Where a command finds its nodes, the first preferred. */
export const urlsOf = (given: readonly string[] | undefined): readonly string[] =>
  given ?? urlsInEnvironment() ?? DEFAULT_URLS;

/** Null if HEARSAY_URL is not set. */
export const urlsInEnvironment = (): readonly string[] | null =>
  splitUrls(process.env.HEARSAY_URL ?? '');

/** URLs separated by commas; null for none. */
export function splitUrls(text: string): string[] | null {
  const urls = text
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
  return urls.length === 0 ? null : urls;
}

/**
 * @throws SettingError if neither the flag nor HEARSAY_URL names a node, and no default would be safe.
 */
export function urlsNamed(given: readonly string[] | undefined, flag: string): readonly string[] {
  const urls = given ?? urlsInEnvironment();
  if (urls !== null) return urls;
  throw new SettingError(`Name the node by ${flag}, or in HEARSAY_URL.`);
}

/** Printed if no node answers and none was named. */
export const noneNamed = (urls: readonly string[]): string =>
  urls === DEFAULT_URLS
    ? ' Start a node with `hearsay serve` or `hearsay cluster`, or name one by --url or in HEARSAY_URL.'
    : '';
