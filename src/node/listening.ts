/** A server at an address of the settings. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address } from './portCheck.ts';

/** @throws the errors of listening. */
export function listen(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The URL of a server that listens. */
export function urlOf(server: Server, host: string, scheme: 'http' | 'https'): string {
  const { port } = server.address() as AddressInfo;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
