/** HTTP answers on connections for which Node has no response object. */
import type { Duplex } from 'node:stream';
import { http } from './http.ts';

export interface Refusal {
  readonly status: number;
  /** Names and values alternate. */
  readonly headers?: readonly string[];
  readonly text?: string;
  /** False for the answer to a HEAD, which gives the length of the text and does not send it. */
  readonly withText?: boolean;
}

/** Answers an upgrade, or bytes that are not HTTP, and closes the connection. */
export function refuse(
  socket: Duplex,
  { status, headers = [], text = '', withText = true }: Refusal,
): void {
  // Node leaves the socket of an upgrade to its handler: an error event without a listener would end
  // the process.
  socket.on('error', () => socket.destroy());
  const lines = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}`];
  for (let index = 0; index < headers.length; index += 2)
    lines.push(`${headers[index]}: ${headers[index + 1]}`);
  lines.push('Connection: close', `Content-Length: ${Buffer.byteLength(text)}`);
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  socket.end(withText ? head + text : head, () => socket.destroy());
}
