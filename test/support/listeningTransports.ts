/** Transports over WebSocket that listen at ports of this machine, as nodes do. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Life } from '../../src/gossip/protocol/proof.ts';
import { type SocketSettings, SocketTransport } from '../../src/gossip/socket/socket.ts';
import type { TransportEvent } from '../../src/gossip/transport.ts';
import { ClusterSecrets } from '../../src/net/clusterSecrets.ts';
import { refuse } from '../../src/net/refusal.ts';
import type { NoteFacts } from '../../src/words/note.ts';
import { waitFor } from './processes.ts';

export const LIMIT_MS = 20_000;

export interface Listening extends AsyncDisposable {
  readonly transport: SocketTransport;
  readonly secrets: ClusterSecrets;
  readonly url: string;
  readonly notes: string[];
  /** Of the notes, for machines. */
  readonly facts: NoteFacts[];
  /** The addresses of those that were refused. */
  readonly refused: string[];
  /** The tokens that diallers have shown. */
  readonly shown: string[];
  /** Reads nothing more from those that have dialled it, as a process that hangs. */
  readonly hang: () => void;
}

export interface Options extends Partial<Omit<SocketSettings, 'secrets'>> {
  readonly tokens?: readonly [string, ...string[]];
  readonly life?: () => Life;
  /** Refuses proofs, as nodes up to 0.3.0 do. */
  readonly isOld?: boolean;
  /** Listens by TLS with these; else by plain HTTP. */
  readonly server?: ServerOptions;
}

let lives = 0;
export const newLife = (): Life => ({ origin: `node.${++lives}`, instance: String(lives) });

export async function listening({
  tokens = ['token'],
  life: given,
  isOld = false,
  server: secure,
  ...settings
}: Options = {}): Promise<Listening> {
  const notes: string[] = [];
  const facts: NoteFacts[] = [];
  const refused: string[] = [];
  const shown: string[] = [];
  const secrets = new ClusterSecrets(tokens);
  const own = newLife();
  const transport = new SocketTransport(
    {
      peerAuth: 'challenge',
      secrets,
      cluster: 'hearsay',
      maxMessageBytes: 1e6,
      maxMessagesPerSecond: 1000,
      maxConnections: 8,
      maxUnproved: 4,
      proofTimeoutMs: 20_000,
      dialTimeoutMs: 5000,
      pingIntervalMs: 5000,
      ...settings,
    },
    {
      life: given ?? (() => own),
      note: (_level, text, noted) => {
        notes.push(text);
        facts.push(noted);
      },
      refused: (address) => refused.push(address),
    },
  );
  const dialled: Duplex[] = [];
  const server: Server = secure === undefined ? createServer() : createTlsServer(secure);
  server.on('upgrade', (request, socket, head) => {
    dialled.push(socket);
    const token = request.headers['x-internal-token'];
    if (token !== undefined) shown.push(String(token));
    if (isOld && token === undefined) refuse(socket, { status: 401 });
    else transport.upgrade(request, socket, head);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    transport,
    secrets,
    url: `${secure === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    notes,
    facts,
    refused,
    shown,
    hang: () => {
      for (const socket of dialled) socket.pause();
    },
    [Symbol.asyncDispose]: async () => {
      await transport.stop();
      server.closeAllConnections();
      server.close();
    },
  };
}

export const gossipUrl = ({ url }: Listening): string => `${url.replace('http', 'ws')}/gossip`;

/** Everything that a transport is told from now on, once a dial of the URL has ended. */
export async function eventsOf(here: Listening, url: string): Promise<TransportEvent[]> {
  const events: TransportEvent[] = [];
  here.transport.listen((event) => events.push(event));
  here.transport.dial(url);
  await waitFor(async () => events.length > 0, LIMIT_MS, 'the dial ended');
  return events;
}
