/**
 * Rule 12, for the logs of one node: it opens them, sets them aside and throws them away. A log that is
 * set aside stays until all its ops have been offered again, and for a while longer. A store keeps the logs: a directory
 * (`LogDirectory`), or a simulated disk.
 */
import type { LogChanges } from '../gossip/driver/options.ts';
import type { Checkpoints } from '../log/checkpoints.ts';
import type { Log } from '../log/log.ts';
import type { Replica } from '../replica/replica.ts';
import { type SetAside, setAside, settledAside } from '../replica/setAside.ts';
import { DamagedLogError } from '../words/errors.ts';
import { settledNames } from '../words/settledLogs.ts';

/** The store of a node's logs. A log is moved or removed only while it is closed. */
export interface LogStore {
  /** Of the node's own log. A log that is moved or removed leaves none behind. */
  readonly checkpoints: Checkpoints;
  /** Opens the node's own log; makes an empty one under a new origin if there is none. */
  open(): Promise<Log>;
  /** Closes the node's own log, if it is open. */
  close(): Promise<void>;
  /** Moves the node's own log to those that are set aside. @param name under which it is found again. */
  setAside(name: string): Promise<void>;
  /** Removes the node's own log. */
  remove(): Promise<void>;
  /** The names of the logs that are set aside. */
  namesAside(): Promise<string[]>;
  /** Opens a log that is set aside. @throws DamagedLogError if it is damaged. */
  openAside(name: string): Promise<Log>;
  /** Removes a log that is set aside. */
  dropAside(name: string): Promise<void>;
  /**
   * Moves a log that is set aside to a place where no node reads it again. @returns that place, for
   * people.
   */
  keepDamaged(name: string): Promise<string>;
}

export class NodeLogs implements LogChanges {
  readonly #store: LogStore;
  #log: Log | null = null;
  /** The log that is being set aside, until another one is open. */
  #leaving: { readonly name: string; isAside: boolean } | null = null;

  constructor(store: LogStore) {
    this.#store = store;
  }

  /** Of the node's own log. */
  get checkpoints(): Checkpoints {
    return this.#store.checkpoints;
  }

  /** Opens the log; one that holds half a snapshot is thrown away first: it was never joined. */
  async open(): Promise<Log> {
    this.#log = await this.#store.open();
    if (this.#log.header.facts.snapshot !== 'underWay') return this.#log;
    return this.renew();
  }

  async renew(): Promise<Log> {
    await this.close();
    await this.#store.remove();
    this.#log = await this.#store.open();
    return this.#log;
  }

  /** May be called again after a DiskFullError: it goes on from there. */
  async exchange(): Promise<{ log: Log; asideName: string }> {
    const name = await this.#freeName(this.#log?.header.origin ?? 'unknown');
    this.#leaving ??= { name, isAside: false };
    const leaving = this.#leaving;
    await this.close();
    if (leaving.isAside)
      await this.#store.remove(); // a new log that found no room
    else await this.#store.setAside(leaving.name);
    leaving.isAside = true;
    this.#log = await this.#store.open();
    this.#leaving = null;
    return { log: this.#log, asideName: leaving.name };
  }

  /** A log that was put back may be set aside twice under one origin. */
  async #freeName(origin: string): Promise<string> {
    const taken = new Set(await this.#store.namesAside());
    let name = origin;
    for (let count = 2; taken.has(name); count++) name = `${origin}.${count}`;
    return name;
  }

  /** A log that is too damaged to be opened stays in its place: its ops are known already. */
  async openAside(name: string): Promise<Log | null> {
    try {
      return await this.#store.openAside(name);
    } catch (error) {
      if (error instanceof DamagedLogError) return null;
      throw error;
    }
  }

  dropAside(name: string): Promise<void> {
    return this.#store.dropAside(name);
  }

  /**
   * Reads the logs that were set aside before this start. A log that is too damaged to be read is moved out of the way
   * and kept.
   *
   * @param open opens a replica on a log. @param note called for each damaged log.
   */
  async setAside(
    open: (log: Log) => Promise<Replica>,
    note: (text: string) => void,
  ): Promise<SetAside[]> {
    const settled = new Set(this.#log === null ? [] : settledNames(this.#log.header.facts));
    await this.#eachAside(async (log) => {
      for (const name of settledNames(log.header.facts)) settled.add(name);
    }, note);
    const found: SetAside[] = [];
    await this.#eachAside(async (log, name) => {
      const { givenUp } = log.header.facts;
      const isSettled = settled.has(name);
      found.push(
        isSettled ? settledAside(log, name) : setAside(await open(log), name, givenUp ?? undefined),
      );
    }, note);
    return found;
  }

  async #eachAside(
    read: (log: Log, name: string) => Promise<void>,
    note: (text: string) => void,
  ): Promise<void> {
    for (const name of await this.#store.namesAside()) {
      try {
        const log = await this.#store.openAside(name);
        try {
          await read(log, name);
        } finally {
          await log.close();
        }
      } catch (error) {
        if (!(error instanceof DamagedLogError)) throw error;
        const place = await this.#store.keepDamaged(name);
        note(
          `A log that was set aside is not offered again, and is kept in ${place}: ${error.message}`,
        );
      }
    }
  }

  async close(): Promise<void> {
    this.#log = null;
    await this.#store.close();
  }
}
