/** The ring after this node, as it shows to people: beyond a full mesh the links along it keep the members together. */
import { firstLinked, towardsSuccessor, type Ways } from '../../rules/links.ts';
import type { Members } from '../../rules/members.ts';
import type { AddressBook } from './addressBook.ts';

/** A member after this node on the ring that has no link here, although it is nearer than the successor. */
export interface BrokenLink {
  readonly origin: string;
  readonly nodeId: string;
  /** The URL at which it is dialled; null if it is not known. */
  readonly url: string | null;
  /** The reason why the last dial failed, as the end of a sentence; null if none has failed. */
  readonly reason: string | null;
}

/** For `GET /_cluster`, metrics and starts. */
export interface RingStatus {
  /** The origin of the first member after this node that is linked; null while none is. */
  readonly successor: string | null;
  /** The members between this node and its successor, the nearest first: there the ring is broken. */
  readonly broken: readonly BrokenLink[];
}

export function ringStatus(ways: Ways, members: Members, addresses: AddressBook): RingStatus {
  const broken = towardsSuccessor(ways).filter((origin) => !ways.linked.has(origin));
  return {
    successor: firstLinked(ways) ?? null,
    broken: broken.map((origin) => {
      const { nodeId, url } = members.describe(origin);
      const address = addresses.leadingTo(origin);
      return { origin, nodeId, url: address?.url ?? url, reason: address?.reason ?? null };
    }),
  };
}
