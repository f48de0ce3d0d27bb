/**
 * The checkpoint on the disk of one node. Writing one takes simulated time in the midst of its frames; a
 * crash leaves the one before, or the new one, whole. A person who puts a log back, or copies one, may
 * leave any checkpoint beside it.
 */
import { MemoryLog, type StoredLog } from '../src/log/memory.ts';
import { MemoryCheckpoints, type StoredFrames } from '../src/log/memoryCheckpoints.ts';
import { Replica } from '../src/replica/replica.ts';
import type { EntryStore } from '../src/store/entryStore.ts';
import { compareMarks, expiredBy, laterMark, NO_EXPIRIES } from '../src/words/expiryMark.ts';
import { carriedHash, hashOp, sameHash } from '../src/words/hash.ts';
import { compareKeys } from '../src/words/keyOrder.ts';
import type { Limits } from '../src/words/limits.ts';
import { type Entry, type EntryHead, isInLog } from '../src/words/op.ts';
import type { Dice } from './dice.ts';
import type { Report } from './violation.ts';

/** A frame in so many takes time. */
const SLOW_FRAMES = 4;

export class SimCheckpoints {
  /** As the process that runs now has it; an earlier process no longer reaches the disk. */
  ofProcess: MemoryCheckpoints;
  readonly #dice: Dice;
  readonly #sleep: () => Promise<void>;

  /** @param sleep for as long as the disk takes for a part of a checkpoint. */
  constructor(dice: Dice, sleep: () => Promise<void>) {
    this.#dice = dice;
    this.#sleep = sleep;
    this.ofProcess = this.#on(null);
  }

  /** The frames that the next opening finds; null if there are none. */
  get stored(): StoredFrames | null {
    return this.ofProcess.stored;
  }

  /** The process has ended. */
  crash(): void {
    this.ofProcess = this.#on(this.stored);
  }

  remove(): void {
    this.ofProcess = this.#on(null);
  }

  /** By hand: the log was replaced by a copy. @param ofCopy the checkpoint that lay beside that. */
  replace(ofCopy: StoredFrames | null): void {
    this.ofProcess = this.#on(this.#dice.pick([this.stored, ofCopy, null]));
  }

  #on(stored: StoredFrames | null): MemoryCheckpoints {
    const frameDelay = async (): Promise<void> => {
      if (this.#dice.chance(1 / SLOW_FRAMES)) await this.#sleep();
    };
    return new MemoryCheckpoints({ stored, frameDelay });
  }
}

/** Reports every difference between a replica that was just opened and the replay of all rows of its log. */
export async function compareWithReplay(
  opened: Replica,
  { stored, limits, entries }: { stored: StoredLog; limits: Limits; entries: EntryStore },
  report: Report,
): Promise<void> {
  const { clusterName } = stored.header;
  const log = new MemoryLog({ clusterName, newOrigin: () => opened.origin, stored });
  const { nodeId, place } = opened;
  const clock = () => opened.nowMs();
  const anew = await Replica.open({ nodeId, log, place, clock, limits, entries });
  const [of, expected] = [partsOf(opened), partsOf(anew)];
  for (const [name, text] of Object.entries(expected))
    if (of[name] !== text)
      report(
        'replay',
        `${nodeId} opened from a checkpoint with other ${name}: ${of[name]}, a replay gives ${text}`,
      );
  compareExpiries(opened, anew, report);
  if (opened.header.horizon < anew.header.horizon)
    report('replay', `${nodeId} opened from a checkpoint with a smaller horizon`);
}

/** One of the two may hold a value that the other has left in the log. The hash stands for it, if it is its own. */
function wholeHead(entry: Entry): EntryHead & { readonly isWhole: boolean } {
  const { origin, seq, hlc, key, generation, version, hashHigh, hashLow } = entry;
  const common = { origin, seq, hlc, key, generation, version, hashHigh, hashLow };
  const isWhole = isInLog(entry) || sameHash(hashOp(entry), carriedHash(entry));
  return entry.kind === 'delete'
    ? { ...common, kind: 'delete', expiresAt: null, isWhole }
    : { ...common, kind: 'put', expiresAt: entry.expiresAt, isWhole };
}

/** Knowing less of expiries resets more watchers, and misleads none; but all must be there after what is claimed. */
function compareExpiries(opened: Replica, anew: Replica, report: Report): void {
  const [of, expected] = [expiriesOf(opened), expiriesOf(anew)];
  if (
    compareMarks(of.knownSince, NO_EXPIRIES) === 0 &&
    compareMarks(expected.knownSince, NO_EXPIRIES) > 0
  )
    report('replay', `${opened.nodeId} opened from a checkpoint and claims to know all expiries`);
  const since = laterMark(of.knownSince, expected.knownSince);
  const [shown, wanted] = [of, expected].map(({ expired, cutAtMs }) =>
    JSON.stringify(
      expired.filter((one) => !expiredBy(since, one) && (one.expiresAt ?? 0) > cutAtMs),
    ),
  );
  if (shown !== wanted)
    report(
      'replay',
      `${opened.nodeId} opened from a checkpoint with other expiries: ${shown}, a replay gives ${wanted}`,
    );
}

function expiriesOf(replica: Replica) {
  const { facts, entries } = replica.capture(0);
  entries.end();
  const { expired, expiriesKnownSince: knownSince } = facts;
  return { expired, knownSince, cutAtMs: replica.header.facts.cutAtMs ?? 0 };
}

/** Everything that a replay makes of a log, as text. */
function partsOf(replica: Replica): Record<string, string> {
  const { facts, entries } = replica.capture(0);
  entries.end();
  const { members, closings } = replica;
  const {
    hlc: _hlc,
    horizon: _horizon,
    stable: _stable,
    expiriesKnownSince: _since,
    expired: _expired,
    ...rest
  } = facts;
  const parts = {
    ...rest,
    entries: [...replica.map.entries()].map(wholeHead).sort((a, b) => compareKeys(a.key, b.key)),
    deadSize: replica.map.deadSize,
    members: [...members.all()],
    retired: members.retiredAfter(0),
    retires: members.retires,
    vector: [...replica.vector].sort(),
    reach: [...replica.reach()].sort(),
    closings: closings.all(),
    retiredSum: replica.retiredSum,
    openedAtSeq: replica.openedAtSeq,
    recent: replica.recent.rowsAfter(replica.lastLsn - 1, 1),
  };
  return Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [name, JSON.stringify(part) ?? '']),
  );
}
