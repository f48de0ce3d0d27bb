/** Answers in HTTP on connections that have no response of Node's. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

export interface Refusal {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers?: readonly string[];
  readonly text?: string;
  /** False for the answer to a HEAD, which tells of the text and does not send it. */
  readonly withText?: boolean;
}

/** Answers an upgrade, or bytes that are no HTTP, and closes the connection. */
export function refuse(
  socket: Duplex,
  { status, headers = [], text = '', withText = true }: Refusal,
): void {
  // Node leaves the socket of an upgrade to its taker: an error that nobody hears would end the process.
  socket.on('error', () => socket.destroy());
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let index = 0; index < headers.length; index += 2)
    lines.push(`${headers[index]}: ${headers[index + 1]}`);
  lines.push('Connection: close', `Content-Length: ${Buffer.byteLength(text)}`);
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  socket.end(withText ? head + text : head, () => socket.destroy());
}
