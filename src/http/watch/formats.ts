/**
 * The two formats of events: messages of a WebSocket (RFC 6455) and Server-Sent Events (HTML Standard).
 */
import { textFrame } from '../../net/webSockets.ts';
import type { Format } from '../../watch/sharedEvent.ts';
import type { WatchQuery } from './admission.ts';

/** A client joins the lines of `data` again. Line ends stand only between tokens of the JSON. */
const streamChunk = (type: string, cursor: string, text: string): Buffer =>
  Buffer.from(
    `event: ${type}\nid: ${cursor}\ndata: ${text.replace(/\r\n|\r|\n/g, '\ndata: ')}\n\n`,
  );

const socketFormat = (index: number, withValues: boolean, withTouches: boolean): Format => ({
  index,
  withValues,
  withTouches,
  // Frames are made here and not by each socket, so that one frame serves all watchers.
  encode: (_type, _cursor, text) => textFrame(text),
});

const streamFormat = (index: number, withValues: boolean, withTouches: boolean): Format => ({
  index,
  withValues,
  withTouches,
  encode: streamChunk,
});

/** Watches of the program around a node have the indexes from here on. */
export const FORMAT_COUNT = 8;

/** With values or without, and each with touches or without. */
const FORMATS = {
  socket: [
    [socketFormat(0, false, false), socketFormat(1, false, true)],
    [socketFormat(2, true, false), socketFormat(3, true, true)],
  ],
  stream: [
    [streamFormat(4, false, false), streamFormat(5, false, true)],
    [streamFormat(6, true, false), streamFormat(7, true, true)],
  ],
} as const;

export const formatFor = (
  over: 'socket' | 'stream',
  { withValues, withTouches }: Pick<WatchQuery, 'withValues' | 'withTouches'>,
): Format => FORMATS[over][withValues ? 1 : 0][withTouches ? 1 : 0];
