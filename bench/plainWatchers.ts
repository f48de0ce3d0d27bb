/** The watchers of a plain cache: each gets each event in a WebSocket frame (RFC 6455), made once for all. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT_FRAME = 0x81;
const LENGTH_IN_TWO_BYTES = 126;

export class PlainWatchers {
  readonly #sockets = new Set<Duplex>();

  add({ headers }: IncomingMessage, socket: Duplex): void {
    const accept = createHash('sha1')
      .update(`${headers['sec-websocket-key']}${GUID}`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    socket.resume();
    socket.write(frameOf('{"type":"synced"}'));
    this.#sockets.add(socket);
  }

  tell(key: string, value: string): void {
    if (this.#sockets.size === 0) return;
    const frame = frameOf(`{"type":"put","key":${JSON.stringify(key)},"value":${value}}`);
    for (const socket of this.#sockets) socket.write(frame);
  }
}

function frameOf(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length < LENGTH_IN_TWO_BYTES)
    return Buffer.concat([Buffer.from([TEXT_FRAME, bytes.length]), bytes]);
  const head = Buffer.from([TEXT_FRAME, LENGTH_IN_TWO_BYTES, bytes.length >> 8, bytes.length]);
  return Buffer.concat([head, bytes]);
}
