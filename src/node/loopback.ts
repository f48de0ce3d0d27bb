/** Addresses that only this machine reaches. */
import { isIP } from 'node:net';

export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host.toLowerCase() === 'localhost' || host === '::1';
}
