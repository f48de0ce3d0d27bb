/** The connection to the cache: the one place that knows the product. */
import {
  ConflictError,
  createClient,
  type Entry,
  type HearsayClient,
  HearsayError,
} from '../../src/client/index.ts';
import { MalformedValues } from './malformedValues.ts';

export interface CacheOptions {
  /** Base URLs of the nodes of the own region first. */
  readonly endpoints: readonly string[];
  /** With the prefixes of this process and no others; null: the nodes ask for none. */
  readonly token: string | null;
  /** The longest time of one call, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

export interface Cache extends AsyncDisposable {
  readonly client: HearsayClient;
  readonly malformed: MalformedValues;
}

export function openCache({ endpoints, token, timeoutMs = 5000 }: CacheOptions): Cache {
  const client = createClient({ endpoints, timeoutMs, ...(token !== null && { token }) });
  return {
    client,
    malformed: new MalformedValues(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

export { ConflictError, type Entry, HearsayError };
