/** The address that limits count by: an IPv4 address, or the /64 of an IPv6 one, which one client may own. */

const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;

/** @param address as a socket tells it: numeric, perhaps with a zone. */
export function limitAddress(address: string): string {
  const [bare = ''] = address.toLowerCase().split('%');
  if (!bare.includes(':')) return bare;
  const groups = groupsOf(bare);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  const network = groups.slice(0, GROUPS_OF_NETWORK).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const before = readGroups(head);
  const after = tail === undefined ? [] : readGroups(tail);
  const zeros = Math.max(0, GROUPS - before.length - after.length);
  return [...before, ...new Array<number>(zeros).fill(0), ...after];
}

/** The last two groups may be written as an IPv4 address. */
function readGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
