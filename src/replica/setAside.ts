/** Rule 12: a log that its node gives up, and the parts of it that are needed to offer its ops again. */
import type { Log } from '../log/log.ts';
import type { Member } from '../rules/members.ts';
import type { Entry } from '../words/op.ts';
import type { GivenUp, OriginRecord } from '../words/row.ts';
import type { Vector } from '../words/vector.ts';
import type { Replica } from './replica.ts';

export interface SetAside extends GivenUp {
  /** The name under which the log is found; null if none was kept. */
  readonly name: string | null;
  /** The origin that its own ops were born in. */
  readonly origin: string;
  readonly clusterId: string | null;
  /** The members that it counted. */
  readonly members: readonly Member[];
  /**
   * Its map, dead entries included: for each key the greatest op that it held and had not collected. The
   * rows of cold entries are those of the log.
   */
  readonly entries: readonly Entry[];
  readonly records: ReadonlyMap<string, OriginRecord>;
  readonly stable: Vector;
  /**
   * Whether a later log of this node has decided every op of it. Then only dead ops are offered to another
   * side of the cluster, and `entries` is empty.
   */
  readonly isSettled: boolean;
}

/** If a log does not give the reason why it was given up, only ops that can be proved are trusted. */
const NOT_SAID: GivenUp = { state: 'forked', openedAtSeq: 0, hadOthers: true };

/** @param replica open on the log, before that is closed. */
export function setAside(replica: Replica, name: string, why: GivenUp = NOT_SAID): SetAside {
  const { origin, header } = replica;
  return {
    ...why,
    name,
    origin,
    clusterId: header.clusterId,
    members: [...replica.members.all()],
    entries: [...replica.map.entries()],
    records: new Map([...replica.wholeVector().keys()].map((one) => [one, replica.record(one)])),
    stable: header.stable,
    isSettled: false,
  };
}

/** A log that a later one has settled, before that is closed: it need not be read to be offered once more. */
export function settledAside(log: Log, name: string): SetAside {
  const { origin, clusterId, stable, facts } = log.header;
  return {
    ...(facts.givenUp ?? NOT_SAID),
    name,
    origin,
    clusterId,
    members: [],
    entries: [],
    records: new Map(log.origins.map((record) => [record.origin, record])),
    stable,
    isSettled: true,
  };
}

/** Stands for a log that was not kept: its origin must be retired all the same, because a sponsor has logged its `join`. */
export const nothingOf = (origin: string): SetAside => ({
  ...NOT_SAID,
  hadOthers: false,
  name: null,
  origin,
  clusterId: null,
  members: [],
  entries: [],
  records: new Map(),
  stable: new Map(),
  isSettled: false,
});
