/**
 * A message in the bytes of its WebSocket frame (RFC 6455, section 5.2): made once, and written as it is to each socket of
 * those who get it. ws makes a header for each of them and hands the system two buffers, which takes longer.
 *
 * It holds for servers, which do not mask, without permessage-deflate.
 */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';

/** A WebSocket with the stream that it was made of. */
export interface PlaySocket {
  readonly socket: WebSocket;
  readonly stream: Duplex;
}

const FINAL_BINARY = 0x82;
const LENGTH_OF_16_BITS = 126;
const LENGTH_OF_64_BITS = 127;
const MOST_IN_16_BITS = 0xffff;

/** @returns one binary frame that is not masked. */
export function readyFrame(payload: Uint8Array): Buffer {
  const { byteLength } = payload;
  const headerBytes = byteLength < LENGTH_OF_16_BITS ? 2 : byteLength <= MOST_IN_16_BITS ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerBytes + byteLength);
  frame[0] = FINAL_BINARY;
  if (headerBytes === 2) frame[1] = byteLength;
  else if (headerBytes === 4) {
    frame[1] = LENGTH_OF_16_BITS;
    frame.writeUInt16BE(byteLength, 2);
  } else {
    frame[1] = LENGTH_OF_64_BITS;
    frame.writeBigUInt64BE(BigInt(byteLength), 2);
  }
  frame.set(payload, headerBytes);
  return frame;
}

/** Nothing is written once the socket is about to close. */
export function writeFrame({ socket, stream }: PlaySocket, frame: Buffer): void {
  if (socket.readyState === WebSocket.OPEN) stream.write(frame);
}
