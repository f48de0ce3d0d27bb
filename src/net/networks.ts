/** Networks of addresses, in CIDR notation (RFC 4632; RFC 4291, section 2.3). */
import { BlockList, isIP } from 'node:net';

export interface Network {
  readonly address: string;
  readonly prefixBits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** @param text such as 10.0.0.0/8, fd00::/8, or one address. @returns null if it is neither. */
export function networkOf(text: string): Network | null {
  const [, address = '', bits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return null;
  const mostBits = version === 4 ? 32 : 128;
  const prefixBits = bits === undefined ? mostBits : Number(bits);
  if (prefixBits > mostBits) return null;
  return { address, prefixBits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

export class Networks {
  readonly isEmpty: boolean;
  readonly #list = new BlockList();

  /** @param texts each passes `networkOf`; others count for nothing. */
  constructor(texts: readonly string[]) {
    const networks = texts.map(networkOf).filter((one) => one !== null);
    this.isEmpty = networks.length === 0;
    for (const { address, prefixBits, family } of networks)
      this.#list.addSubnet(address, prefixBits, family);
  }

  has(address: string): boolean {
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** An address of IPv4 as a socket for both families shows it (RFC 4291, section 2.5.5.2) in its plain form. */
export const plainAddress = (address: string): string =>
  /^::ffff:\d/i.test(address) && address.includes('.') ? address.slice('::ffff:'.length) : address;
