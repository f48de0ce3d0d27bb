/** The port for peers alone, so that a firewall can keep clients away from gossip, and peers from REST. */
import type { HostRule } from '../access/hosts.ts';
import { GOSSIP_PATH } from '../gossip/socket/opening.ts';
import type { SocketTransport } from '../gossip/socket/socket.ts';
import { answerRaw } from '../http/answer/answer.ts';
import { Problem } from '../http/answer/problem.ts';
import type { Bounds } from '../http/limits/bounds.ts';
import { createServer, takeUpgrades } from '../http/server.ts';
import { listen, urlOf } from './listening.ts';
import { peerAddress } from './portCheck.ts';
import { followCertificates, peerPort, serverTls } from './serverTls.ts';
import type { NodeSettings } from './settings.ts';
import type { NodeTls } from './tls.ts';

export interface PeerSurface {
  /** The URL at which peers reach the port. */
  readonly url: string;
  /** @throws the errors of listening. */
  listen(): Promise<void>;
  close(): Promise<void>;
}

export interface PeerSurfaceOptions {
  readonly settings: NodeSettings;
  readonly transport: SocketTransport;
  readonly bounds: Bounds;
  readonly hosts: HostRule;
  readonly tls: NodeTls;
}

/** @returns null if peers come to the port of the clients. */
export function peerSurfaceOf({
  settings,
  transport,
  bounds,
  hosts,
  tls,
}: PeerSurfaceOptions): PeerSurface | null {
  const address = peerAddress(settings);
  if (address === null) return null;
  const secure = serverTls(tls, peerPort);
  const server = createServer(
    ({ socket }) => answerRaw(socket, new Problem(404, ONLY_PEERS)),
    bounds.connections,
    settings.limits,
    { hosts, tls: secure },
  );
  followCertificates(server, tls, peerPort);
  takeUpgrades(server, bounds, hosts, {
    [GOSSIP_PATH]: { take: (...upgrade) => transport.upgrade(...upgrade), isForPeers: true },
  });
  return {
    get url() {
      return urlOf(server, address.host, secure === null ? 'http' : 'https');
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
