/** The three ways in which a client follows a watch: Server-Sent Events, a WebSocket, and the client library. */
import { z } from 'zod';
import { type ConnectionState, createClient, WatchRefusedError } from '../../src/client/index.ts';
import { decodeCursor } from '../../src/words/cursor.ts';
import { nameOfValue } from '../clients/caller.ts';
import type { Sighting } from './sighting.ts';

export type StreamKind = 'sse' | 'socket' | 'library';
export const STREAM_KINDS: readonly StreamKind[] = ['sse', 'socket', 'library'];

export interface Told extends Sighting {
  readonly cursor: string;
}

/** The node does not go on from the cursor. */
export class CursorRefusedError extends Error {}

export interface Place {
  /** The node to begin at first, then the others, which only the library uses. */
  readonly urls: readonly string[];
  /** null: from the initial state on. */
  readonly cursor: string | null;
  readonly signal: AbortSignal;
}

const eventSchema = z.object({
  type: z.enum(['put', 'delete', 'expire', 'synced', 'bookmark', 'reset']),
  key: z.string().optional(),
  value: z.unknown().optional(),
  version: z.number().optional(),
  cursor: z.string(),
});

/**
 * Tells events until the connection ends or the signal aborts.
 *
 * @throws CursorRefusedError, or what broke the connection.
 */
export function follow(kind: StreamKind, place: Place): AsyncGenerator<Told> {
  switch (kind) {
    case 'sse':
      return followEvents(place);
    case 'socket':
      return followSocket(place);
    case 'library':
      return followLibrary(place);
    default:
      throw new TypeError(`no such stream: ${String(kind satisfies never)}`);
  }
}

const queryOf = (cursor: string | null): string =>
  cursor === null ? 'initial=true' : `cursor=${encodeURIComponent(cursor)}`;

async function* followEvents({ urls, cursor, signal }: Place): AsyncGenerator<Told> {
  const [url = ''] = urls;
  const response = await fetch(`${url}/watch?${queryOf(cursor)}`, { signal });
  if (response.status === 409) throw new CursorRefusedError(await response.text());
  if (!response.ok || response.body === null) throw new Error(`answered ${response.status}`);
  let text = '';
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    const messages = (text + part).split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const data = message.split('\n').find((line) => line.startsWith('data:'));
      if (data !== undefined) yield toldOf(JSON.parse(data.slice('data:'.length)), url);
    }
  }
}

async function* followSocket({ urls, cursor, signal }: Place): AsyncGenerator<Told> {
  const [url = ''] = urls;
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/watch?${queryOf(cursor)}`);
  const messages: Told[] = [];
  let end: Error | null = null;
  let wake = (): void => {};
  const finish = (error: Error): void => {
    end ??= error;
    wake();
  };
  socket.onmessage = ({ data }): void => {
    messages.push(toldOf(JSON.parse(String(data)), url));
    wake();
  };
  socket.onerror = (): void => finish(new Error('the socket failed'));
  socket.onclose = ({ code, reason }): void =>
    finish(code === 1008 ? new CursorRefusedError(reason) : new Error(`closed with ${code}`));
  signal.addEventListener('abort', () => finish(new Error('aborted')), { once: true });
  try {
    for (;;) {
      const message = messages.shift();
      if (message !== undefined) yield message;
      else if (end !== null) throw end;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    socket.close();
  }
}

async function* followLibrary({ urls, cursor, signal }: Place): AsyncGenerator<Told> {
  await using client = createClient({ endpoints: [...urls] });
  const place = cursor === null ? { initial: true } : { cursor };
  let from = '';
  const onConnection = ({ isConnected, endpoint }: ConnectionState): void => {
    if (isConnected) from = endpoint;
  };
  try {
    for await (const event of client.watch({ ...place, onConnection, signal }))
      yield toldOf(event, from);
  } catch (error) {
    if (error instanceof WatchRefusedError) throw new CursorRefusedError(error.message);
    throw error;
  }
}

function toldOf(message: unknown, from: string): Told {
  const { type, key, value, version, cursor } = eventSchema.parse(message);
  return {
    type,
    key: key ?? null,
    value: typeof value === 'string' ? nameOfValue(value) : null,
    version: version ?? null,
    atMs: Date.now(),
    from,
    toldUntilMs: decodeCursor(cursor).told.untilMs,
    cursor,
  };
}
