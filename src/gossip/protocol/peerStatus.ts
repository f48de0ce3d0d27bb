/** The rows of `GET /_cluster`, from the state of the core. */
import { missingOps, seqOf, type Vector, without } from '../../words/vector.ts';
import type { Address, AddressBook } from './addressBook.ts';
import type { View } from './inputOutput.ts';
import type { Greeted } from './peer.ts';
import type { Peers } from './peers.ts';

/** A peer of this node, for `GET /_cluster`, health and metrics. */
export interface PeerStatus {
  /** Null until the peer has said hello. */
  readonly nodeId: string | null;
  readonly origin: string | null;
  /** Null for a peer that dialled us and named no URL. */
  readonly url: string | null;
  readonly state: 'connected' | 'connecting' | 'unreachable' | 'refused';
  /** The reason why the peer is unreachable or refused, as a sentence; else null. */
  readonly reason: string | null;
  /** The number of our ops that the peer lacked when it was last heard; null if it never was. */
  readonly peerLacksOps: number | null;
  /** The number of ops that we lack and the peer held when it was last heard. */
  readonly weLackOps: number | null;
  /** The seq up to which the peer held this node's own ops when it was last heard. */
  readonly confirmedSeq: number | null;
  /** UTC milliseconds of its last message. */
  readonly lastHeardAt: number | null;
  /** Whether the map sums were equal at the last comparison of equal vectors; null before one. */
  readonly agrees: boolean | null;
}

/**
 * @param forked origins whose ops may differ between nodes.
 * @param toClockMs gives the wall clock, UTC milliseconds, at a time of the even clock.
 */
export function peerStatus(
  view: View,
  peers: Peers,
  addresses: AddressBook,
  forked: ReadonlySet<string>,
  toClockMs: (timeMs: number) => number,
): PeerStatus[] {
  const connected = peers.greeted();
  const own = without(view.vector, forked);
  const rows = connected.map((peer) => {
    const refusal = addresses.refusalOf(peer.hello.origin);
    const theirs = peer.digest === null ? null : without(peer.digest.vector, forked);
    return {
      ...connectedStatus(peer, own, theirs, toClockMs(peer.lastHeardAt)),
      ...(refusal !== null && { state: 'refused' as const, reason: refusal }),
      confirmedSeq: theirs === null ? null : seqOf(theirs, view.origin),
    };
  });
  const shown = new Set(connected.map(({ hello }) => hello.origin));
  for (const address of addresses.all) {
    if (!isWaitedFor(address)) continue;
    if (address.origin !== null && shown.has(address.origin)) continue;
    const { nodeId, origin, url, reason, refused, failures } = address;
    const heardAt = origin === null ? undefined : peers.lastHeard(origin);
    rows.push({
      nodeId,
      origin,
      url,
      state: refused ? 'refused' : failures > 0 ? 'unreachable' : 'connecting',
      reason,
      peerLacksOps: null,
      weLackOps: null,
      confirmedSeq: null,
      lastHeardAt: heardAt === undefined ? null : toClockMs(heardAt),
      agrees: null,
    });
  }
  return rows;
}

/** Whether a node should answer at the address that does not. */
const isWaitedFor = ({ state, isWanted }: Address): boolean =>
  isWanted && (state === 'idle' || state === 'dialling');

function connectedStatus(
  { hello, dialledUrl, agrees }: Greeted,
  own: Vector,
  theirs: Vector | null,
  lastHeardAt: number,
): Omit<PeerStatus, 'confirmedSeq'> {
  return {
    nodeId: hello.nodeId,
    origin: hello.origin,
    url: dialledUrl ?? hello.url,
    state: 'connected',
    reason: null,
    peerLacksOps: theirs === null ? null : missingOps(theirs, own),
    weLackOps: theirs === null ? null : missingOps(own, theirs),
    lastHeardAt,
    agrees,
  };
}
