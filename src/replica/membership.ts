/**
 * Rule 8: the commands by which the log gets its members, and by which this node goes on under another
 * origin. Each command waits in the commit queue and is checked in its batch; each rejects as
 * `Replica.submit` does.
 */
import type { Said } from '../rules/forkedMembership.ts';
import { closingValue, memberValue } from '../rules/members.ts';
import type { Op, OpId } from '../words/op.ts';
import type { CommitQueue } from './commitQueue.ts';
import type { Fold } from './fold.ts';

export class Membership {
  readonly #fold: Fold;
  readonly #queue: CommitQueue;
  readonly #clock: () => number;

  /** @param clock UTC milliseconds. */
  constructor(fold: Fold, queue: CommitQueue, clock: () => number) {
    this.#fold = fold;
    this.#queue = queue;
    this.#clock = clock;
  }

  /** Logs the `join` of a member, unless it has joined or was retired. */
  admit(origin: string, value: string): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: value.length }, (batch) => {
      if (!batch.isMember(origin) && !batch.isRetired(origin))
        batch.membership('join', origin, value);
    });
  }

  /** Seals an origin: it is no member any more, and nobody takes ops from it directly. */
  retire(origin: string): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: 0 }, (batch) => {
      if (!batch.isRetired(origin)) batch.membership('retire', origin, null);
    });
  }

  /**
   * Rule 13: logs that a retired origin is closed, unless it has more ops by now, or is closed already.
   *
   * @param by the `retire` that all members hold.
   */
  close(origin: string, lastSeq: number, by: OpId): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: 0 }, (batch) => {
      const { members } = this.#fold;
      const isWhole = batch.isRetired(origin) && batch.seqOf(origin) === lastSeq;
      const isClosing = batch.rows.some(({ op }) => op.kind === 'join' && op.key === origin);
      if (isWhole && !isClosing && members.closingAt(origin) === undefined)
        batch.membership('join', origin, closingValue(members.describe(origin), lastSeq, by));
    });
  }

  /** Rule 11: logs under this origin, once, a `join` or `retire` that only a forked one told. */
  sayAgain({ kind, key, value }: Said): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: value?.length ?? 0 }, (batch) => {
      const { origin, members } = this.#fold;
      const isSame = (op: Op): boolean =>
        op.origin === origin && op.kind === kind && op.key === key && op.value === value;
      const isTold = members.ops().some(isSame) || batch.rows.some(({ op }) => isSame(op));
      // A retirement meanwhile ends a membership, and only a closing is of a retired origin.
      const isOver =
        kind === 'join' && batch.isRetired(key) && members.closingAt(key) === undefined;
      if (!isTold && !isOver) batch.membership(kind, key, value);
    });
  }

  /** Logs another `join` of this node's own origin, because its name or URL has changed. */
  announce(value: string): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: value.length }, (batch) => {
      const { origin, members } = this.#fold;
      const member = members.get(origin);
      const isKnown = member !== undefined && memberValue(member.nodeId, member.url) === value;
      if (batch.isMember(origin) && !isKnown) batch.membership('join', origin, value);
    });
  }

  /** A fresh node forms the cluster: its first op is its own `join`. */
  form(clusterId: string, ownValue: string): Promise<void> {
    return this.#queue.enqueue({ ops: 1, bytes: ownValue.length }, (batch) => {
      batch.header = { ...batch.header, clusterId };
      batch.changeFacts({ joined: true, formedAtMs: this.#clock() });
      batch.membership('join', this.#fold.origin, ownValue);
    });
  }

  /** A fresh node holds all ops of the sponsor's answer: it has joined. */
  welcome(clusterId: string | null, sponsor: string, formedAtMs: number): Promise<void> {
    return this.#queue.enqueue({ ops: 0, bytes: 0 }, (batch) => {
      batch.header = { ...batch.header, clusterId };
      batch.changeFacts({ joined: true, admittedBy: sponsor, formedAtMs });
    });
  }

  /** Goes on under a new origin, whose first ops are its own `join` and the `retire` of the old one. */
  renewOrigin(origin: string, ownValue: string): Promise<void> {
    return this.#queue.enqueue({ ops: 2, bytes: ownValue.length }, (batch) => {
      const old = this.#fold.origin;
      batch.renewOrigin(origin);
      batch.changeFacts({ owesOrigin: false, admittedBy: old });
      batch.membership('join', origin, ownValue);
      if (batch.isMember(old)) batch.membership('retire', old, null);
    });
  }

  /** Makes `renewOrigin` due before the next write: the log may lack ops that peers hold (rule 5). */
  markForNewOrigin(): void {
    this.#fold.changeHeader({ facts: { owesOrigin: true } });
  }
}
