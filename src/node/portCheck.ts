/** Whether a node may listen at its port, before it makes its log. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { NodeSettings } from './nodeSettings.ts';

export type Address = Pick<NodeSettings, 'host' | 'port'>;

/** The address for peers alone; null if they come to the one for clients. */
export const peerAddress = ({ host, peerHost, peerPort }: NodeSettings): Address | null =>
  peerPort === null ? null : { host: peerHost ?? host, port: peerPort };

/** Listens for a moment. @throws the errors of listening. */
export async function checkPort({ host, port }: Address): Promise<void> {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

/**
 * A node listens only once its log is open. A new log would be left behind if the port is taken, with an
 * origin that nobody ever uses.
 *
 * @throws the errors of listening.
 */
export async function checkPortOfNewLog(
  settings: NodeSettings,
  servesClients: boolean,
): Promise<void> {
  if (existsSync(join(settings.dataDir, 'hearsay.db'))) return;
  if (servesClients) await checkPort(settings);
  const peers = peerAddress(settings);
  if (peers !== null) await checkPort(peers);
}
