/** The port for peers alone, so that a firewall can keep clients away from gossip, and peers from REST. */
import type { HostRule } from '../access/hosts.ts';
import { GOSSIP_PATH, type SocketTransport } from '../gossip/socket.ts';
import { answerRaw } from '../http/answer/answer.ts';
import { Problem } from '../http/answer/problem.ts';
import type { Bounds } from '../http/limits/bounds.ts';
import { createServer, takeUpgrades } from '../http/server.ts';
import { listen, urlOf } from './listening.ts';
import { peerAddress } from './portCheck.ts';
import type { NodeSettings } from './settings.ts';

export interface PeerSurface {
  /** The URL at which peers reach the port. */
  readonly url: string;
  /** @throws the errors of listening. */
  listen(): Promise<void>;
  close(): Promise<void>;
}

/** @returns null if peers come to the port of the clients. */
export function peerSurfaceOf(
  settings: NodeSettings,
  transport: SocketTransport,
  bounds: Bounds,
  hosts: HostRule,
): PeerSurface | null {
  const address = peerAddress(settings);
  if (address === null) return null;
  const server = createServer(
    ({ socket }) => answerRaw(socket, new Problem(404, ONLY_PEERS)),
    bounds.connections,
    settings.limits,
    { hosts },
  );
  takeUpgrades(server, bounds, hosts, {
    [GOSSIP_PATH]: { take: (...upgrade) => transport.upgrade(...upgrade), isForPeers: true },
  });
  return {
    get url() {
      return urlOf(server, address.host, 'http');
    },
    listen: () => listen(server, address),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const ONLY_PEERS = 'This port is for nodes alone: ask the node at its port for clients.';
