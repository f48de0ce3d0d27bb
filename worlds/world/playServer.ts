/** The public port of an instance: `/play` as a WebSocket, and nothing else. */
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { listenPublic, type PublicServer, type PublicServerOptions } from '../http/publicServer.ts';
import type { WorldInstance } from './worldInstance.ts';

export const PLAY_PROTOCOL = 'worlds.v1';
const TOKEN_PROTOCOL = /^(?:seat|resume)\.([\w-]{43})$/;

/** A longer frame is not even read; up to here, a message that is too long is closed as malformed. */
const MAX_FRAME_BYTES = 4096;

export interface PlayServerOptions extends PublicServerOptions {
  /** The name by which players reach the host. */
  readonly publicHost: string;
  /** Most connections at a time; beyond it, 503. */
  readonly maxConnections: number;
}

export interface PlayServer extends PublicServer {
  readonly url: string;
  readonly connections: () => number;
  /** Connections that were refused because there were too many. */
  readonly refused: () => number;
}

export async function servePlay(
  instance: WorldInstance,
  { publicHost, maxConnections, ...listening }: PlayServerOptions,
): Promise<PlayServer> {
  let refused = 0;
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    handleProtocols: (offered) => (offered.has(PLAY_PROTOCOL) ? PLAY_PROTOCOL : false),
  });
  const play = await listenPublic((_request, response) => {
    response.writeHead(404).end();
  }, listening);
  play.server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);
    if (request.url !== '/play') return refuse(stream, '404 Not Found');
    if (!offered.includes(PLAY_PROTOCOL)) return refuse(stream, '400 Bad Request');
    if (sockets.clients.size >= maxConnections) {
      refused += 1;
      return refuse(stream, '503 Service Unavailable');
    }
    const token = offered.map((word) => TOKEN_PROTOCOL.exec(word)?.[1]).find(Boolean) ?? '';
    sockets.handleUpgrade(request, stream, head, (socket) => {
      instance.connect({ socket, stream }, token);
    });
  });
  return {
    ...play,
    url: `${play.isSecure ? 'wss' : 'ws'}://${publicHost}:${play.port}/play`,
    connections: () => sockets.clients.size,
    refused: () => refused,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.terminate();
      await play[Symbol.asyncDispose]();
    },
  };
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
