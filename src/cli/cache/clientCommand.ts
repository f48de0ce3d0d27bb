/** The options, the client and the errors of the commands that talk to a cluster. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConflictError } from '../../client/errors.ts';
import type { HearsayClient } from '../../client/index.ts';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { UNITS_MS } from '../../words/time.ts';
import { inUnits } from '../../words/units.ts';
import { nodeUrl, noneNamed, splitUrls, URL_FORM, URL_RULE, urlsOf } from '../remote/address.ts';
import { addTrustOptions, givenToken, type TokenFlags, tokenFor } from '../remote/commandToken.ts';
import { isTokenRefused, withTokenAdvice } from '../remote/tokenAdvice.ts';
import { withTrustAdvice } from '../remote/trust.ts';
import { parseAnswer } from '../terminal/exactJson.ts';
import { printLine } from '../terminal/output.ts';
import { addOutputOptions, type Results } from '../terminal/outputForm.ts';

export const DEFAULT_TIMEOUT = '10s';

const MAX_DURATION_MS = 100_000 * UNITS_MS.d;

/**
 * Adds the options of every such command.
 *
 * @param results the number of results that it prints.
 * @param timeout the default of `--timeout`, as a person writes it.
 */
export function addClientOptions(
  command: Command,
  results: Results,
  timeout = DEFAULT_TIMEOUT,
): void {
  command
    .addOption(
      new Option(
        '--url <url>',
        `base URL of a node; more, separated by commas, are fallbacks (${URL_RULE})`,
      )
        .argParser((urls: string, before: readonly string[] = []) => [
          ...before,
          ...(splitUrls(urls) ?? []).map(readNodeUrl),
        ])
        .default(undefined),
    )
    .addOption(
      new Option('--timeout <duration>', `time to keep trying (default ${timeout})`).argParser(
        durationMs,
      ),
    );
  addOutputOptions(command, results);
  addTrustOptions(command);
}

/** @throws InvalidArgumentError */
function readNodeUrl(text: string): string {
  const url = nodeUrl(text);
  if (url !== null) return url;
  throw new InvalidArgumentError(`It must be ${URL_FORM}.`);
}

/** The options of every such command. */
export interface ClientFlags extends TokenFlags {
  readonly url?: readonly string[];
  /** Milliseconds. */
  readonly timeout?: number;
  readonly json?: true;
}

/** Runs with a client and closes it. @throws HearsayError, SettingError, with messages for people. */
export async function withCommandClient(
  { url, timeout = durationMs(DEFAULT_TIMEOUT), ...tokens }: ClientFlags,
  run: (client: HearsayClient, timeoutMs: number) => Promise<void>,
): Promise<void> {
  // Imported here, so that help and mistakes don't wait for it.
  const clients = await import('../../client/index.ts');
  const urls = urlsOf(url);
  const given = givenToken(tokens);
  if (given?.isOfCluster)
    throw new SettingError('The token is none of `hearsay token create`, and no JWT.');
  for (const one of urls) tokenFor(one, given, tokens);
  try {
    const client = clients.createClient({
      endpoints: urls,
      timeoutMs: timeout,
      attemptTimeoutMs: Math.min(timeout, 3000),
      parseJson: parseAnswer,
      token: (endpoint) => Promise.resolve(tokenFor(endpoint, given, tokens)),
    });
    try {
      await run(client, timeout);
    } finally {
      await client.close();
    }
  } catch (error) {
    // A request that the client refuses before it sends it is a mistake on the command line.
    if (error instanceof clients.InvalidRequestError && error.status === null)
      throw new SettingError(error.message, { cause: error });
    if (error instanceof clients.HearsayError) {
      const told = withAdvice(error.message, error.mayBeStored);
      if (
        error instanceof clients.WatchRefusedError ||
        (error instanceof clients.InvalidRequestError && isTokenRefused(error.status))
      )
        throw new HearsayError(withTokenAdvice(told), { cause: error });
      const advice = error instanceof clients.UnavailableError ? noneNamed(urls) : '';
      throw new HearsayError(withTrustAdvice(told) + advice, { cause: error });
    }
    throw error;
  }
}

/** Reads a duration such as `10s`, from 1ms to 100000d, in milliseconds. @throws InvalidArgumentError if it is none. */
export function durationMs(text: string): number {
  const timeMs = inUnits(text, UNITS_MS);
  if (timeMs >= 1 && timeMs <= MAX_DURATION_MS) return timeMs;
  throw new InvalidArgumentError('It must be a duration such as 250ms, 10s, 1m or 24h.');
}

/** Reads a whole number from `least` to `most`. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };

const withAdvice = (message: string, mayBeStored: boolean): string =>
  mayBeStored && !message.includes('unknown') ? `${message} It may have been stored.` : message;

/** With --json, a conflict is printed as a result before it ends the command as a failure. */
export async function tellConflict<T>(
  key: string,
  { json }: ClientFlags,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (json && error instanceof ConflictError) {
      const { currentVersion, token } = error;
      await printLine(
        JSON.stringify({ key, status: 'conflict', current_version: currentVersion, token }),
      );
    }
    throw error;
  }
}
