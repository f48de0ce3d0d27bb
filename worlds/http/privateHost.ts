/** Hosts that a private listener may have: those of this machine, and of private networks. */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { z } from 'zod';

const PRIVATE = new BlockList();
// RFC 1122 and RFC 4291, RFC 1918, RFC 4193.
PRIVATE.addSubnet('127.0.0.0', 8);
PRIVATE.addAddress('::1', 'ipv6');
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  PRIVATE.addSubnet(network, bits);
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

/** @param host an address, or `localhost`: any other name may stand for a public address tomorrow. */
export function isPrivateHost(host: string): boolean {
  if (host === 'localhost') return true;
  return isIP(host) !== 0 && PRIVATE.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

export const privateHostSchema = z
  .string()
  .refine(isPrivateHost, 'must be an address of this machine or of a private network');
