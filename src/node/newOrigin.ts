/** Origins for the logs of a node: its id and some random characters. */
import { randomInt } from 'node:crypto';

/** Six random characters keep a digest of three nodes within 200 bytes, and origins of one node apart. */
export function newOrigin(nodeId: string): string {
  return `${nodeId}.${randomInt(36 ** 6)
    .toString(36)
    .padStart(6, '0')}`;
}
