/** Problems on connections that have no response: of upgrades, and of what Node can't read as HTTP. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROBLEM_TYPE } from './answer.ts';
import { type Problem, problemText } from './problem.ts';

/** Answers in HTTP and closes the connection. @param withBody false for the answer to a HEAD. */
export function answerRaw(
  socket: Duplex,
  { status, detail, extensions, headers }: Problem,
  withBody = true,
): void {
  // Node leaves the socket of an upgrade to its taker: an error that nobody hears would end the process.
  socket.on('error', () => socket.destroy());
  const text = problemText(status, detail, extensions);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let index = 0; index < headers.length; index += 2)
    lines.push(`${headers[index]}: ${headers[index + 1]}`);
  lines.push(
    'Connection: close',
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
  );
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  socket.end(withBody ? head + text : head, () => socket.destroy());
}
