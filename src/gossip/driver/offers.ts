/**
 * Rule 12: ops that a rejoin had set aside are offered again once this node may write. Each round of
 * offers belongs to one life of the log. With another log it ends, and no unfinished offer is dropped. What is offered
 * is offered once more after another rejoin that comes soon (`keptLogs.ts`).
 */
import type { Log } from '../../log/log.ts';
import type { AskJudge } from '../../replica/judgement.ts';
import { offerAgain } from '../../replica/offer.ts';
import type { Replica } from '../../replica/replica.ts';
import type { SetAside } from '../../replica/setAside.ts';
import { settledNames } from '../../words/settledLogs.ts';
import type { Vector } from '../../words/vector.ts';
import { NO_PAST, type Past } from '../protocol/standing.ts';
import { KeptLogs } from './keptLogs.ts';
import type { LogChanges } from './options.ts';

export interface OffersOptions {
  readonly replica: Replica;
  readonly logs: Pick<LogChanges, 'openAside' | 'dropAside'>;
  /** Members that can be asked. @param base the vector that this node was welcomed with. */
  readonly judges: (base: Vector) => AskJudge[];
  /** Whether another node holds this node's own op of that seq, or no other node could. */
  readonly isHeld: (seq: number) => boolean;
  readonly note: (level: 'info' | 'warn', text: string) => void;
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  /**
   * For this long after this node may write, in milliseconds, peers that can decide about an op may
   * still come.
   */
  readonly joinTimeoutMs: number;
  readonly maxClockSkewMs: number;
  /** For this long, in milliseconds, a log whose ops are all offered is kept. */
  readonly keepMs: number;
}

/** An offer that found no room, or no judge, is made again after this time, in milliseconds. */
const RETRY_MS = 2000;

/** The log that the offers go to, and the time of this node's first offer to it. */
interface Life {
  readonly log: Log;
  readonly base: Vector;
  readonly sinceMs: number;
}

/** All ops are offered; the old log is settled when another node holds this node's op of that seq. */
interface Offered {
  readonly aside: SetAside;
  readonly life: Log;
  readonly seq: number;
}

export class Offers {
  readonly #options: OffersOptions;
  readonly #waiting: SetAside[];
  readonly #kept: KeptLogs;
  #offered: Offered[] = [];
  #life: Life | null = null;
  #isOffering = false;
  #isDropping = false;
  #nextAt = 0;

  /** @param waiting the logs that earlier rejoins had set aside. */
  constructor(options: OffersOptions, waiting: readonly SetAside[]) {
    const { replica, keepMs, steadyMs } = options;
    this.#options = options;
    this.#kept = new KeptLogs({ keepMs, steadyMs, isDiskFull: () => replica.isDiskFull });
    const settled = new Set(settledNames(replica.header.facts));
    const isSettled = ({ name }: SetAside): boolean => name !== null && settled.has(name);
    this.#waiting = waiting.filter((aside) => !isSettled(aside));
    for (const aside of waiting.filter(isSettled)) this.#kept.add(aside, aside.name ?? '');
  }

  /** The state of this node before it rejoined, until all its ops are offered. */
  get past(): Past {
    if (this.#waiting.length === 0) return NO_PAST;
    const shared = this.#waiting.filter(
      ({ entries, hadOthers }) => hadOthers && entries.length > 0,
    );
    const own = new Set(this.#waiting.map(({ origin }) => origin));
    const members = shared.flatMap((aside) => aside.members);
    return {
      kind: shared.length > 0 ? 'withOthers' : 'alone',
      members: members.filter(({ origin }) => !own.has(origin)),
    };
  }

  /** Whether no offer is left. */
  get isDone(): boolean {
    return this.#waiting.length === 0 && !this.#isOffering;
  }

  /** Whether every op that was set aside is offered for good: whether another node holds it, and this node's disk. */
  get areSettled(): boolean {
    return this.isDone && this.#offered.length === 0;
  }

  /** The number of logs that are set aside. */
  get logs(): number {
    return this.#waiting.length + this.#offered.length + this.#kept.count;
  }

  get isDue(): boolean {
    return this.#waiting.length > 0 && this.#options.steadyMs() >= this.#nextAt;
  }

  /** The node rejoins: its offers to the log that it gives up are a part of that log. */
  add(aside: SetAside): void {
    const offered = this.#offered.map((one) => one.aside);
    this.#waiting.push(...this.#kept.takeAll(), ...offered, aside);
    this.#offered = [];
  }

  async offer(): Promise<void> {
    if (this.#isOffering) return;
    this.#isOffering = true;
    this.#nextAt = this.#options.steadyMs() + RETRY_MS;
    try {
      await this.#offerAll();
    } finally {
      this.#isOffering = false;
    }
  }

  /**
   * Settles the logs whose offers another node holds. First this node's own log is on the disk: with
   * `durability=normal` one power cut may take the offers from every node, and the old log had outlived such.
   * Drops those that were kept long enough.
   */
  async dropHeld(): Promise<void> {
    if (this.#isDropping) return;
    this.#isDropping = true;
    try {
      for (const offered of this.#offered.filter(({ seq }) => this.#options.isHeld(seq)))
        await this.#settle(offered);
      for (const name of this.#kept.takeOver()) await this.#options.logs.dropAside(name);
    } finally {
      this.#isDropping = false;
    }
  }

  async #settle(offered: Offered): Promise<void> {
    const { replica, logs } = this.#options;
    const { aside, life } = offered;
    const { name, clusterId } = aside;
    if (name !== null) await replica.offering.settle(name, life);
    // A node that has rejoined meanwhile offers all of it again.
    if (!this.#offered.includes(offered)) return;
    this.#offered = this.#offered.filter((one) => one !== offered);
    if (name === null) return;
    // Generations of another cluster have no meaning here.
    if (clusterId === replica.header.clusterId) this.#kept.add(aside, name);
    else {
      this.#kept.forget(name);
      await logs.dropAside(name);
    }
  }

  async #offerAll(): Promise<void> {
    const life = this.#ofLog();
    const { replica } = this.#options;
    for (const aside of [...this.#waiting]) {
      const isDecided = await this.#offerOne(aside, life);
      if (replica.log !== life.log) return;
      if (!isDecided) continue;
      this.#waiting.splice(this.#waiting.indexOf(aside), 1);
      this.#offered.push({ aside, life: life.log, seq: replica.record(replica.origin).seq });
    }
  }

  async #offerOne(aside: SetAside, { log: life, base, sinceMs }: Life): Promise<boolean> {
    const { replica, logs, judges, note, steadyMs, joinTimeoutMs } = this.#options;
    const { maxClockSkewMs } = this.#options;
    const leavesOut = steadyMs() - sinceMs >= joinTimeoutMs;
    const old = aside.name === null ? null : await logs.openAside(aside.name);
    try {
      const peers = judges(base);
      const to = { replica, life, base, peers, leavesOut, maxClockSkewMs, note };
      return await offerAgain({ ...to, aside, old });
    } finally {
      await old?.close();
    }
  }

  #ofLog(): Life {
    const { replica, steadyMs } = this.#options;
    if (this.#life?.log !== replica.log)
      this.#life = { log: replica.log, base: replica.wholeVector(), sinceMs: steadyMs() };
    return this.#life;
  }
}
