/** Lists of live entries, in the order of their keys. */
import { compareKeys } from '../words/keyOrder.ts';
import type { ColdPut, Put, PutHead } from '../words/op.ts';
import type { ListLimit, ListPage } from './entryStore.ts';
import { type LevelOf, type LevelPage, sharedPrefix } from './level.ts';
import type { RecordReader } from './record.ts';
import type { Records } from './records.ts';
import type { SlotStates } from './slotStates.ts';
import { SoughtKey } from './soughtKey.ts';

export class LiveLists {
  readonly #records: Records;
  readonly #entry: RecordReader;
  readonly #states: SlotStates;
  readonly #key: SoughtKey;
  readonly #prefix = new SoughtKey();

  /** @param key the one by which the slots are sought. */
  constructor(records: Records, states: SlotStates, key: SoughtKey) {
    this.#records = records;
    this.#entry = records.entry;
    this.#states = states;
    this.#key = key;
  }

  /** As `EntryStore.list`. */
  list(prefix: string, after: string | null, limit: ListLimit, nowMs: number): ListPage {
    const entries: (Put | ColdPut)[] = [];
    const { bytes: maxBytes = Number.POSITIVE_INFINITY } = limit;
    let bytes = 0;
    for (const _slot of this.#live(prefix, after, nowMs)) {
      const last = entries.at(-1);
      if (last !== undefined && (entries.length >= limit.entries || bytes >= maxBytes))
        return { entries, next: last.key };
      const entry = this.#entry.entry();
      if (entry.kind !== 'put') continue;
      entries.push(entry);
      bytes += this.#entry.textBytes;
    }
    return { entries, next: null };
  }

  /** As `EntryStore.listHeads`. */
  heads(prefix: string, after: string | null, limit: number, nowMs: number): ListPage<PutHead> {
    const entries: PutHead[] = [];
    for (const _slot of this.#live(prefix, after, nowMs)) {
      const last = entries.at(-1);
      if (last !== undefined && entries.length >= limit) return { entries, next: last.key };
      const head = this.#entry.head();
      if (head.kind === 'put') entries.push(head);
    }
    return { entries, next: null };
  }

  /** As `EntryStore.listLevel`. */
  level(level: LevelOf, limit: number, nowMs: number): LevelPage {
    const { prefix, after } = level;
    const entries: PutHead[] = [];
    const prefixes: string[] = [];
    let last: string | null = null;
    let passed = after === null ? null : sharedPrefix(after, level);
    let slots = this.#live(prefix, after, nowMs, passed);
    for (let step = slots.next(); !step.done; step = slots.next()) {
      if (entries.length + prefixes.length >= limit) return { entries, prefixes, next: last };
      const head = this.#entry.head();
      if (head.kind !== 'put') continue;
      passed = sharedPrefix(head.key, level);
      last = passed ?? head.key;
      if (passed === null) entries.push(head);
      else {
        prefixes.push(passed);
        slots = this.#live(prefix, null, nowMs, passed);
      }
    }
    return { entries, prefixes, next: null };
  }

  /**
   * Looks at the live entries with the prefix, one after the other.
   *
   * @param passed a longer prefix, to go on after all keys with it; then `after` counts for nothing.
   */
  *#live(
    prefix: string,
    after: string | null,
    nowMs: number,
    passed: string | null = null,
  ): Generator<number, void, undefined> {
    this.#states.followBack(nowMs);
    const goesOn = after !== null && compareKeys(after, prefix) >= 0;
    this.#prefix.set(prefix);
    if (passed === null) this.#key.set(goesOn ? after : prefix);
    else this.#key.setAfterAll(passed);
    for (const slot of this.#states.listed.fromSought()) {
      this.#records.look(slot);
      if (!this.#entry.hasPrefix(this.#prefix)) return;
      if (goesOn && this.#entry.compareKey(this.#key) === 0) continue;
      if (!this.#entry.isDead(nowMs)) yield slot;
    }
  }
}
