/** The health of a node, as `GET /_health` shows it. */
import type { Refusal } from '../gossip/border/conduct.ts';
import type { Driver } from '../gossip/driver/driver.ts';
import type { MemberStatus } from '../gossip/driver/memberStatus.ts';
import type { CoreSettings } from '../gossip/protocol/inputOutput.ts';
import type { PeerStatus } from '../gossip/protocol/peerStatus.ts';
import { PROOF_UNKNOWN, TOKEN_REFUSED } from '../net/peerRefusals.ts';
import { NOT_CERTIFIED } from '../net/peerTls.ts';
import type { Replica } from '../replica/replica.ts';

export interface Health {
  /** `failing`: clients should go to another node. `degraded`: a person should look; on a full disk too. */
  readonly status: 'ok' | 'degraded' | 'failing';
  /** One sentence each. */
  readonly reasons: readonly string[];
}

export const DISK_FULL = 'The disk is full: writes are answered with 507 until space is freed.';

/** In bytes: less room than the longest body and its pages need. */
export const LEAST_FREE_BYTES = 1024 * 1024;
export const DISK_LOW =
  'The disk has less than 1 MiB left: free space before writes are answered with 507.';

export const MEMORY_FULL =
  'Keys fill the memory that --max-memory (MAX_MEMORY) allows: new keys are answered with 507 until keys are deleted, ' +
  'or until it is raised.';

export const LOG_LOST =
  'The database of this node was removed or replaced while it runs: it takes no writes, which the next restart would ' +
  'lose. Stop the node, and restore a backup or let its peers bring what they hold.';

/** Balancers that ask for the health send new requests elsewhere. */
export const LEAVING: Health = {
  status: 'failing',
  reasons: ['The node is about to stop: send requests to another node.'],
};

/** The peers and members of a node at one moment, with the facts on which its health depends. */
export interface ClusterFacts {
  /** UTC milliseconds. */
  readonly nowMs: number;
  /** The origin of this node. */
  readonly origin: string;
  readonly peers: readonly Pick<
    PeerStatus,
    'nodeId' | 'url' | 'state' | 'reason' | 'agrees' | 'lastHeardAt'
  >[];
  /** Members, including this node. */
  readonly members: readonly Pick<MemberStatus, 'origin' | 'nodeId' | 'lastHeardAt'>[];
}

type HealthSettings = Pick<CoreSettings, 'hearingMs' | 'memberTimeoutMs' | 'pullIntervalMs'>;

/** A node that hears nobody for this long is cut off, in milliseconds. */
const CUT_OFF_MS = 30_000;
/** A node that pulls rarely hears its peers rarely: it is cut off after this number of intervals. */
const CUT_OFF_PULLS = 4;

/** @returns one sentence for each fault among the peers and members; a fault ends with its cause. */
export function clusterFaults(facts: ClusterFacts, settings: HealthSettings): string[] {
  const faults: string[] = [];
  for (const { nodeId, url, state, reason, agrees } of facts.peers) {
    const name = nodeId ?? url ?? 'A peer';
    if (agrees === false) faults.push(`${name} holds the same ops but another map.`);
    if (state === 'refused')
      faults.push(`${name} and this node refuse each other: ${(reason ?? '').replace(/\.$/, '')}.`);
    if (state === 'unreachable' && REFUSING.has(reason))
      faults.push(`${name} refuses this node: ${reason}.`);
  }
  const nobody = aloneFault(facts);
  if (nobody !== null) faults.push(nobody);
  const silentMs = othersSilentMs(facts);
  const cutOffMs = Math.max(CUT_OFF_MS, CUT_OFF_PULLS * settings.pullIntervalMs);
  if (silentMs.size > 0 && Math.min(...silentMs.values()) > cutOffMs)
    faults.push(
      `This node has heard none of the other members for ${Math.floor(Math.min(...silentMs.values()) / 1000)} s.`,
    );
  const heldBack = heldBackFault(facts, settings);
  if (heldBack !== null) faults.push(heldBack);
  return faults;
}

/** The reasons of peers that answer and refuse this node before its hello. */
const REFUSING: ReadonlySet<string | null> = new Set([TOKEN_REFUSED, PROOF_UNKNOWN, NOT_CERTIFIED]);

/** A node that nobody answered has formed a cluster by itself, whose writes no other node gets. */
function aloneFault({ peers, members }: ClusterFacts): string | null {
  const isAlone = members.length <= 1 && peers.length > 0;
  const wasHeard = ({ state, lastHeardAt }: ClusterFacts['peers'][number]): boolean =>
    state !== 'unreachable' || lastHeardAt !== null;
  return isAlone && !peers.some(wasHeard)
    ? 'No node that --nodes (NODES) names has answered, so this node is alone: start them, or correct their addresses.'
    : null;
}

/**
 * A node retires silent members only while it hears a majority. If none does, the silent members hold
 * back the collection of deleted entries until a person acts.
 *
 * @returns null if no member has been silent for that long, or if this node hears a majority.
 */
export function heldBackFault(facts: ClusterFacts, settings: HealthSettings): string | null {
  const { hearingMs, memberTimeoutMs } = settings;
  const silentMs = othersSilentMs(facts);
  const heard = [...silentMs.values()].filter((ms) => ms < hearingMs).length + 1;
  if (heard * 2 > facts.members.length) return null;
  const silent = facts.members.filter(
    ({ origin }) => (silentMs.get(origin) ?? 0) > memberTimeoutMs,
  );
  if (silent.length === 0) return null;
  const names = silent.map(({ origin }) => origin).join(', ');
  return (
    `Deleted entries are not collected, because members have been silent for longer than member-timeout: ${names}. ` +
    'This node hears no majority of the members, so it retires none: start their nodes, or retire them ' +
    'with hearsay member retire.'
  );
}

/** More of a kind are only counted. */
const TOLD_OF_A_KIND = 10;

/** @returns a sentence for each origin with two histories. */
export function forkFaults(forked: readonly string[]): string[] {
  const told = forked
    .slice(0, TOLD_OF_A_KIND)
    .map(
      (origin) =>
        `Two different histories of ${origin} exist: nothing of it is taken until its node has rejoined.`,
    );
  const more = forked.length - told.length;
  return more > 0 ? [...told, `${more} more origins have two histories.`] : told;
}

/** @returns a sentence for each peer that is not let in since it broke the protocol. */
export function refusalFaults(refusals: readonly Refusal[]): string[] {
  const told = refusals
    .slice(0, TOLD_OF_A_KIND)
    .map(({ name, reason }) => `${name} broke the protocol and is refused for a while: ${reason}.`);
  const more = refusals.length - told.length;
  return more > 0 ? [...told, `${more} more peers are refused for such faults.`] : told;
}

function othersSilentMs({ nowMs, origin, members }: ClusterFacts): Map<string, number> {
  const others = members.filter((member) => member.origin !== origin);
  return new Map(others.map((member) => [member.origin, nowMs - member.lastHeardAt]));
}

export const clusterFacts = (
  replica: Pick<Replica, 'nowMs' | 'origin'>,
  driver: Pick<Driver, 'status' | 'members'>,
): ClusterFacts => ({
  nowMs: replica.nowMs(),
  origin: replica.origin,
  peers: driver.status(),
  members: driver.members(),
});

export function healthOf(
  replica: Replica,
  driver: Pick<Driver, 'forked' | 'status' | 'members' | 'refusals' | 'doubt'>,
  settings: HealthSettings,
  isDiskLow = false,
): Health {
  const { whyUnwritable, isLogLost } = replica.readiness;
  const faultsOfCluster = clusterFaults(clusterFacts(replica, driver), settings);
  if (whyUnwritable !== null) {
    const why = isLogLost ? LOG_LOST : `The node takes no writes yet: ${whyUnwritable}.`;
    return { status: 'failing', reasons: [why, ...faultsOfCluster] };
  }
  const reasons: string[] = [];
  if (replica.isDiskFull) reasons.push(DISK_FULL);
  else if (isDiskLow) reasons.push(DISK_LOW);
  if (replica.map.isFullOfKeys) reasons.push(MEMORY_FULL);
  reasons.push(...forkFaults(driver.forked()));
  if (driver.doubt !== null) reasons.push(driver.doubt);
  reasons.push(...refusalFaults(driver.refusals()));
  reasons.push(...faultsOfCluster);
  return { status: reasons.length > 0 ? 'degraded' : 'ok', reasons };
}
