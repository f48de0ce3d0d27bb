/**
 * The connection to the cache: the one place that knows the product. Reading and writing are two clients, each
 * with its own token, because a token has the same prefixes for both.
 */
import {
  ConflictError,
  createClient,
  type Entry,
  type HearsayClient,
  HearsayError,
} from '../../src/client/index.ts';
import { MalformedValues } from './malformedValues.ts';
import { nodeFetch } from './nodeFetch.ts';

export interface CacheTokens {
  /** Null: this process never reads. */
  readonly read: string | null;
  /** Null: this process never writes. */
  readonly write: string | null;
}

export interface CacheOptions {
  /** Base URLs of the nodes of the own region first. */
  readonly endpoints: readonly string[];
  /** With the prefixes of this process and no others; null: the nodes ask for none. */
  readonly token: CacheTokens | null;
  /** The longest time of one call, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

export interface Cache extends AsyncDisposable {
  readonly reader: Pick<HearsayClient, 'get' | 'list' | 'mirror'>;
  /** A write whose answer was lost has an unknown outcome: this client may not read it back. */
  readonly writer: Pick<HearsayClient, 'put' | 'delete' | 'deletePrefix' | 'batch'>;
  readonly malformed: MalformedValues;
}

export function openCache({ endpoints, token, timeoutMs = 5000 }: CacheOptions): Cache {
  const clientOf = (own: string | null | undefined): HearsayClient =>
    createClient({
      endpoints,
      timeoutMs,
      fetch: nodeFetch,
      ...(typeof own === 'string' && { token: own }),
    });
  const reader = clientOf(token?.read);
  const writer = token === null ? reader : clientOf(token.write);
  return {
    reader,
    writer,
    malformed: new MalformedValues(),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([reader.close(), writer.close()]);
    },
  };
}

export { ConflictError, type Entry, HearsayError };
