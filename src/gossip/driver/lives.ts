/**
 * The lives of the log under a driver (rules 5, 8 and 12): it forms or joins a cluster, goes on under a
 * new origin, or gives way to an empty log. Each change ends all connections and begins with a new core.
 */
import type { Log } from '../../log/log.ts';
import { nothingOf, setAside } from '../../replica/setAside.ts';
import type { Member } from '../../rules/members.ts';
import { DiskFullError, StoppedError } from '../../words/errors.ts';
import type { Input, OutputOf, View } from '../protocol/inputOutput.ts';
import type { ClientGate } from './clientGate.ts';
import type { Offers } from './offers.ts';
import type { DriverOptions, LogChanges } from './options.ts';

/** The wait before a change is tried again that found no room on the disk. */
const RETRY_MS = 1000;
const NO_ROOM =
  'this node has no room on its disk to go on under another origin: it takes no writes, and tries again';

export interface LivesOptions {
  readonly driver: DriverOptions;
  readonly view: View;
  readonly gate: ClientGate;
  readonly offers: Offers;
  readonly step: (input: Input) => void;
  /** Offers the ops that were set aside. */
  readonly offer: () => void;
  /** Closes all connections. */
  readonly end: (reason: string) => void;
  /**
   * Starts a new core on the present log. @param known members of the old cluster, dialled beside the
   * configured URLs. @param leaves members that it does not ask at first.
   */
  readonly begin: (known: readonly Member[], leaves: readonly string[]) => void;
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  readonly fail: (error: unknown) => void;
}

export class Lives {
  /** The number of times that this node has rejoined. */
  rejoins = 0;
  /** The time of the last rejoin that peers claimed; null if there was none. */
  claimedRejoinAt: number | null = null;
  readonly #options: LivesOptions;
  #changing: Promise<void> | null = null;
  /** The change waits for room on the disk. */
  #waiting: { readonly until: number; readonly goOn: () => void } | null = null;
  #isStopped = false;
  /** Grows with each change: the work of an earlier life is dropped. */
  #number = 0;

  constructor(options: LivesOptions) {
    this.#options = options;
  }

  get number(): number {
    return this.#number;
  }

  get isChanging(): boolean {
    return this.#changing !== null;
  }

  /** Called a few times a second. */
  tick(): void {
    const waiting = this.#waiting;
    if (waiting === null || (!this.#isStopped && this.#options.steadyMs() < waiting.until)) return;
    this.#waiting = null;
    waiting.goOn();
  }

  /** Settles once no change is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.tick();
    await this.#changing;
  }

  async form(value: string): Promise<void> {
    const { driver, view } = this.#options;
    await this.#orFailed(driver.replica.membership.form(driver.newId(), value));
    driver.note('info', `this node formed the cluster ${view.clusterId}`, {
      event: 'formed',
      ...(view.clusterId !== null && { cluster: view.clusterId }),
    });
    this.#hasJoined();
  }

  async welcome({ clusterId, sponsor, formedAt }: OutputOf<'welcome'>): Promise<void> {
    const { replica, note } = this.#options.driver;
    await this.#orFailed(replica.membership.welcome(clusterId, sponsor, formedAt));
    note('info', `this node has joined the cluster ${clusterId}, let in by ${sponsor}`, {
      event: 'joined',
      cluster: clusterId,
      origin: sponsor,
    });
    this.#hasJoined();
  }

  /** A log whose end may be lost goes on under a new origin, now that it has caught up. */
  ready(value: string): void {
    const { driver, gate, offers, offer } = this.#options;
    const { replica, newOrigin } = driver;
    if (replica.header.facts.owesOrigin) {
      const origin = newOrigin();
      this.#change(() => this.#withRoom(() => replica.membership.renewOrigin(origin, value)));
      return;
    }
    gate.ready();
    if (!offers.isDone) offer();
  }

  /** @param forOthers whether a peer gave the reason; false if this node found it. */
  rejoin(
    { reason, keep, ownOps, isClaimed, leaves }: Omit<OutputOf<'rejoin'>, 'kind'>,
    forOthers: boolean,
  ): void {
    const { driver, view, gate, offers } = this.#options;
    const { replica, logs, note } = driver;
    this.rejoins++;
    if (isClaimed) this.claimedRejoinAt = this.#options.steadyMs();
    note('warn', `this node rejoins: ${reason}`, { event: 'rejoins', reason });
    // The new log knows no member, and NODES may name none that is still present.
    const known = [...view.members.all()].filter((member) => member.origin !== view.origin);
    gate.giveUp();
    const { openedAtSeq, origin } = replica;
    const hadOthers = replica.members.size > 1 || forOthers;
    const why = { state: ownOps, openedAtSeq, hadOthers };
    this.#change(
      async () => {
        await replica.giveUp(why);
        // Half a snapshot is no log: no node could open it again, and it holds no op of this node's own.
        const isKept = keep && replica.header.facts.snapshot !== 'underWay';
        const held = setAside(replica, origin, why);
        const { log, asideName } = await this.#withRoom(() => exchanged(logs, isKept));
        offers.add(asideName === null ? nothingOf(origin) : { ...held, name: asideName });
        await replica.adopt(log);
      },
      known,
      leaves,
    );
  }

  #hasJoined(): void {
    this.#options.gate.joined();
    this.#options.step({ kind: 'joined' });
  }

  async #orFailed(joining: Promise<void>): Promise<void> {
    try {
      await joining;
    } catch (error) {
      this.#options.step({ kind: 'joinFailed' });
      throw error;
    }
  }

  /** Tries until the disk has room; clients can still read meanwhile. @throws StoppedError */
  async #withRoom<T>(action: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof DiskFullError)) throw error;
        if (failures === 0) this.#options.driver.note('warn', NO_ROOM, { event: 'no-room' });
      }
      const until = this.#options.steadyMs() + RETRY_MS;
      await new Promise<void>((resolve) => {
        this.#waiting = { until, goOn: resolve };
        // A node that has stopped meanwhile does not wait.
        this.tick();
      });
      if (this.#isStopped) throw new StoppedError();
    }
  }

  #change(
    change: () => Promise<void>,
    known: readonly Member[] = [],
    leaves: readonly string[] = [],
  ): void {
    this.#number++;
    this.#options.gate.change();
    this.#options.end('the node goes on under another origin');
    this.#changing = change()
      .then(() => {
        this.#changing = null;
        this.#number++;
        this.#options.begin(known, leaves);
      })
      .catch((error: unknown) => {
        this.#changing = null;
        this.#options.fail(error);
      });
  }
}

async function exchanged(
  logs: LogChanges,
  isKept: boolean,
): Promise<{ log: Log; asideName: string | null }> {
  return isKept ? logs.exchange() : { log: await logs.renew(), asideName: null };
}
