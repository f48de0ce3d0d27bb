/**
 * Rule 12: logs that were set aside and whose ops are all offered stay for a while (ADR 13). Of two sides of a
 * cluster that have retired each other, one gives way. If all its nodes have begun anew from snapshots of
 * one another before, only these logs still hold what that side had collected.
 *
 * Invariant: a log is kept no longer than `keepMs` after it was settled first, as this process knows it. So their
 * number is bounded by the rejoins of that time.
 */
import type { SetAside } from '../../replica/setAside.ts';

export interface KeptLogsOptions {
  /** For so long, in milliseconds. */
  readonly keepMs: number;
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  /** Whether the disk wants their room. */
  readonly isDiskFull: () => boolean;
}

export class KeptLogs {
  readonly #options: KeptLogsOptions;
  readonly #kept = new Map<string, SetAside>();
  /** By name, the time at which each was settled first. */
  readonly #settledAt = new Map<string, number>();

  constructor(options: KeptLogsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Keeps as much of it as another offer needs; the rest would stay in memory. */
  add(aside: SetAside, name: string): void {
    if (!this.#settledAt.has(name)) this.#settledAt.set(name, this.#options.steadyMs());
    this.#kept.set(name, { ...aside, members: [], entries: [], isSettled: true });
  }

  /** Gives up those whose time is over, or all where the disk wants their room. @returns their names. */
  takeOver(): string[] {
    const { keepMs, steadyMs, isDiskFull } = this.#options;
    const nowMs = steadyMs();
    const over = [...this.#kept.keys()].filter(
      (name) => isDiskFull() || nowMs >= (this.#settledAt.get(name) ?? 0) + keepMs,
    );
    for (const name of over) this.forget(name);
    return over;
  }

  forget(name: string): void {
    this.#kept.delete(name);
    this.#settledAt.delete(name);
  }

  /** The node rejoins: they are to be offered once more. */
  takeAll(): SetAside[] {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    return all;
  }
}
