/**
 * The holder of an address, for limits by address: a client that has one address of IPv6 has all of its /64
 * (RFC 6177), and the same address of IPv4 has two forms (RFC 4291, section 2.5.5.2).
 */

/** In front of the last two groups of an address of IPv4. */
const MAPPED = '0:0:0:0:0:ffff:';

/**
 * @param address as sockets and headers show it; a zone (RFC 4007) does not count.
 * @returns the address of IPv4 in its plain form, or the first four groups of that of IPv6, without leading zeros;
 *   any other text as it is.
 */
export function holderOf(address: string): string {
  if (!address.includes(':')) return address;
  const groups = groupsOf(address.replace(/%.*$/, ''));
  const whole = groups.map((group) => group.toString(16)).join(':');
  if (!whole.startsWith(MAPPED))
    return groups
      .slice(0, 4)
      .map((one) => one.toString(16))
      .join(':');
  const [high = 0, low = 0] = groups.slice(6);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The eight groups of an address of IPv6. */
function groupsOf(address: string): readonly number[] {
  const [front = '', back] = address.split('::');
  const left = valuesOf(front);
  if (back === undefined) return left;
  const right = valuesOf(back);
  const missing = Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<number>(missing).fill(0), ...right];
}

const valuesOf = (text: string): number[] =>
  text === ''
    ? []
    : text
        .split(':')
        .flatMap((group) => (group.includes('.') ? pairOf(group) : [Number.parseInt(group, 16)]));

/** An address of IPv4 stands in the place of two groups. */
function pairOf(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}
