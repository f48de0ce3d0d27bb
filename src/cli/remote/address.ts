/**
 * The nodes that a command talks to. One rule holds for every command: `--url`, else the context of `--context`, else
 * HEARSAY_URL, else the context of HEARSAY_CONTEXT or the one in use, else
 * the first port of `hearsay serve` and then that of `hearsay cluster`, which is `npm start`.
 */
import { SettingError } from '../../words/errors.ts';
import { quoted } from '../terminal/text.ts';
import { isContextNamed, presentContext } from './contexts.ts';
import { trustContext } from './trust.ts';

const DEFAULT_URLS: readonly string[] = ['http://localhost:8000', 'http://localhost:8001'];

/** For the help of `--url`. */
export const URL_RULE = `HEARSAY_URL, default ${DEFAULT_URLS.join(' or ')}`;

/** The form that a URL of a node has, for people. */
export const URL_FORM = 'an http or https URL such as http://localhost:8001';

/** The base URL of a node, or of a proxy in front of one; null if the text is none. */
export function nodeUrl(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  const isBase = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  return isBase ? url.href.replace(/\/+$/, '') : null;
}

/** Where a command finds its nodes, the first preferred. @throws SettingError */
export const urlsOf = (given: readonly string[] | undefined): readonly string[] =>
  given ?? urlsInEnvironment() ?? DEFAULT_URLS;

/**
 * The nodes of HEARSAY_URL or of a context; null if there is neither.
 *
 * @throws SettingError if they are anything but URLs of nodes.
 */
export function urlsInEnvironment(): readonly string[] | null {
  const texts = isContextNamed() ? null : splitUrls(process.env.HEARSAY_URL ?? '');
  return texts === null ? urlsOfContext() : checked(texts, 'HEARSAY_URL');
}

function urlsOfContext(): readonly string[] | null {
  const context = presentContext();
  if (context === null) return null;
  if (context.ca !== undefined) trustContext(context.ca);
  return checked(context.urls, 'The context');
}

const checked = (texts: readonly string[], place: string): readonly string[] =>
  texts.map(
    (text) => nodeUrl(text) ?? refuse(`${place} must hold ${URL_FORM}, not ${quoted(text)}.`),
  );

function refuse(sentence: string): never {
  throw new SettingError(sentence);
}

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

/** Whether a person named the nodes; the defaults may well not be there. */
export const areNamed = (urls: readonly string[]): boolean => urls !== DEFAULT_URLS;

/** Printed if no node answers and none was named. */
export const noneNamed = (urls: readonly string[]): string =>
  areNamed(urls)
    ? ''
    : ' Start a node with `hearsay serve` or `hearsay cluster`, or name one by --url or in HEARSAY_URL.';
