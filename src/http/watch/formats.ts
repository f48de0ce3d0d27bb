/**
 * The two formats of events: messages of a WebSocket (RFC 6455) and Server-Sent Events (HTML Standard).
 */
import { textFrame } from '../../net/webSockets.ts';
import type { Format } from '../../watch/sharedEvent.ts';

/** A client joins the lines of `data` again. Line ends stand only between tokens of the JSON. */
const streamChunk = (type: string, cursor: string, text: string): Buffer =>
  Buffer.from(
    `event: ${type}\nid: ${cursor}\ndata: ${text.replace(/\r\n|\r|\n/g, '\ndata: ')}\n\n`,
  );

const socketFormat = (index: number, withValues: boolean): Format => ({
  index,
  withValues,
  // Frames are made here and not by each socket, so that one frame serves all watchers.
  encode: (_type, _cursor, text) => textFrame(text),
});

const streamFormat = (index: number, withValues: boolean): Format => ({
  index,
  withValues,
  encode: streamChunk,
});

const FORMATS = {
  socket: [socketFormat(0, false), socketFormat(1, true)],
  stream: [streamFormat(2, false), streamFormat(3, true)],
} as const;

export const formatFor = (over: 'socket' | 'stream', withValues: boolean): Format =>
  FORMATS[over][withValues ? 1 : 0];
