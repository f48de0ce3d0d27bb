/** Requests that never come to the app, because Node can't or won't read them. */
import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem } from './answer/problem.ts';
import { answerRaw } from './answer/rawAnswer.ts';

/** By Node's codes of errors, as Node itself would answer them. */
const PROBLEMS: ReadonlyMap<string, Problem> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    new Problem(431, 'The path and the headers together are too long: send a long key in a batch.'),
  ],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', new Problem(413, 'The extensions of a chunk are too long.')],
  ['ERR_HTTP_REQUEST_TIMEOUT', new Problem(408, 'The request did not come in time.')],
]);
const MALFORMED = new Problem(400, 'What was sent is not HTTP/1.1.');

const HEAD = 'HEAD ';

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');

function beginsWithHead(error: Error): boolean {
  const packet = 'rawPacket' in error ? error.rawPacket : null;
  return Buffer.isBuffer(packet) && packet.toString('latin1', 0, HEAD.length) === HEAD;
}

/**
 * Answers them as problems.
 *
 * @returns what is to be told of every response when it is begun.
 */
export function answerUnreadable(server: Server): (response: ServerResponse) => void {
  const lastResponses = new WeakMap<Duplex, ServerResponse>();
  server.on('clientError', (error, socket) => {
    const last = lastResponses.get(socket);
    const pending = last?.writableFinished === false ? last : undefined;
    // An answer within another one would be taken for a part of it.
    if (!socket.writable || pending?.headersSent) socket.destroy();
    else
      answerRaw(
        socket,
        PROBLEMS.get(codeOf(error)) ?? MALFORMED,
        // Whoever has sent a HEAD takes this for its answer.
        pending?.req.method !== 'HEAD' && !beginsWithHead(error),
      );
  });
  return (response) => {
    if (response.socket !== null) lastResponses.set(response.socket, response);
  };
}
