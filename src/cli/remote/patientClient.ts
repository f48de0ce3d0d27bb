/** A client for long work: it waits for a node that is busy or starts anew. */
import { createClient, type HearsayClient } from '../../client/index.ts';
import { givenToken, type TokenFlags, tokenFor } from './commandToken.ts';

/** Some fifteen seconds of tries, longer than a node takes to start and to join. */
const PATIENCE = { attemptTimeoutMs: 30_000, maxRounds: 16, maxBackoffMs: 2000 };
const TIMEOUT_MS = 60_000;

/**
 * @param flags the token that the command was given.
 * @param autoBatch whether calls made in one turn share a request.
 * @param timeoutMs the longest time of a call, in milliseconds.
 * @throws SettingError if the token can't be read, or would go to another machine unencrypted.
 */
export const patientClient = (
  urls: readonly string[],
  flags: TokenFlags,
  autoBatch: boolean,
  timeoutMs = TIMEOUT_MS,
): HearsayClient => {
  const given = givenToken(flags);
  // A token that may not be sent is refused before any work begins.
  for (const url of urls) tokenFor(url, given, flags);
  return createClient({
    endpoints: urls,
    ...PATIENCE,
    timeoutMs,
    autoBatch,
    token: (endpoint) => Promise.resolve(tokenFor(endpoint, given, flags)),
  });
};
