/** How events go out: as messages of a WebSocket (RFC 6455) or as Server-Sent Events (HTML Standard). */
import type { Format } from '../../watch/sharedEvent.ts';

/** The last fragment of a message of text, as a server sends it: not masked. */
const FINAL_TEXT = 0x81;
const LENGTH_16_BITS = 126;
const LENGTH_64_BITS = 127;

/** One message. Made here and not by the socket, so that it is made once for all watchers. */
function socketFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headLength = length < LENGTH_16_BITS ? 2 : length < 0x10000 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headLength + length);
  frame[0] = FINAL_TEXT;
  if (headLength === 2) frame[1] = length;
  else if (headLength === 4) {
    frame[1] = LENGTH_16_BITS;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = LENGTH_64_BITS;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headLength, 'utf8');
  return frame;
}

/** A client puts the lines of `data` together again. Line ends stand only between tokens of the JSON. */
const streamChunk = (type: string, cursor: string, text: string): Buffer =>
  Buffer.from(
    `event: ${type}\nid: ${cursor}\ndata: ${text.replace(/\r\n|\r|\n/g, '\ndata: ')}\n\n`,
  );

const socketFormat = (index: number, withValues: boolean): Format => ({
  index,
  withValues,
  encode: (_type, _cursor, text) => socketFrame(text),
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
