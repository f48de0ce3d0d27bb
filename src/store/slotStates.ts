/**
 * The slots by the states of their entries: listed, expiring or dead.
 *
 * Invariants:
 * - A slot is LISTED if its entry is a put that no sweep has come to, DEAD if it is a tombstone or swept.
 *   It is EXPIRING if it is listed and its entry expires.
 * - An order of slots reads from the entries by which it sorts, so a slot leaves its orders before its entry changes,
 *   and comes back after.
 */
import { markOfClock, markOfEntry } from '../words/expiryMark.ts';
import { type EntryHead, isDead, type KeyOp, type PutHead } from '../words/op.ts';
import type { Captures } from './captures.ts';
import type { Swept } from './entryStore.ts';
import { KeyHeads } from './keyHeads.ts';
import type { RecordReader } from './record.ts';
import type { Records } from './records.ts';
import { SlotOrder } from './slotOrder.ts';
import { SlotQueue } from './slotQueue.ts';
import { DEAD, EXPIRING, LISTED, QUEUED, type Slots } from './slots.ts';
import { SoughtExpiry } from './soughtExpiry.ts';
import type { SoughtKey } from './soughtKey.ts';
import type { StoreImage } from './storeImage.ts';

export class SlotStates {
  /** In the order of keys. */
  readonly listed: SlotOrder;
  /** The number of dead slots. */
  deadSize = 0;
  readonly #records: Records;
  readonly #slots: Slots;
  readonly #entry: RecordReader;
  readonly #key: SoughtKey;
  readonly #expiry = new SoughtExpiry();
  readonly #expiring: SlotOrder;
  /** For collecting to look at. */
  readonly #dead = new SlotQueue();
  /** No swept entry expires after this time, in UTC milliseconds. */
  #sweptUntilMs = Number.NEGATIVE_INFINITY;

  /** @param key the sought key of the store, which others set. */
  constructor(records: Records, key: SoughtKey, captures: Captures) {
    this.#records = records;
    this.#slots = records.slots;
    this.#entry = records.entry;
    this.#key = key;
    this.listed = new SlotOrder(
      (slot) => records.compareKey(key, slot),
      captures,
      new KeyHeads(key, (slot) => records.keyOf(slot)),
    );
    this.#expiring = new SlotOrder((slot) => records.compareExpiry(this.#expiry, slot), captures);
    for (const index of [this.listed, this.#expiring, this.#dead]) records.memory.count(index);
  }

  // ---- an entry comes and goes

  /** The op is the entry of the slot now, whose key is the sought one. */
  enter(op: KeyOp, slot: number): void {
    if (op.kind === 'delete') {
      this.#unlist(slot);
      this.#die(slot);
      return;
    }
    this.#revive(slot);
    if (op.expiresAt !== null) this.#expire(slot, op);
  }

  /** The entry that is looked at, of the slot, is to change. The slot stays listed or dead. */
  leave(slot: number): void {
    if (!this.#slots.is(slot, EXPIRING)) return;
    this.#expiry.set(this.#entry, slot);
    this.#expiring.remove(slot);
    this.#slots.unset(slot, EXPIRING);
  }

  /** The slot of the sought key, which is looked at, loses its entry. */
  drop(slot: number): void {
    this.#unlist(slot);
    this.#records.look(slot);
    this.leave(slot);
    if (this.#slots.is(slot, DEAD)) this.deadSize--;
  }

  clear(): void {
    this.listed.clear();
    this.#expiring.clear();
    this.#dead.clear();
    this.deadSize = 0;
  }

  // ---- death

  /** As `EntryStore.sweep`. */
  sweep(nowMs: number, limit: number): Swept {
    this.followBack(nowMs);
    const expired: PutHead[] = [];
    for (;;) {
      const slot = this.#expiring.first;
      const last = expired.at(-1);
      if (slot < 0) break;
      this.#records.look(slot);
      if (!this.#entry.isDead(nowMs)) break;
      if (last !== undefined && expired.length >= limit)
        return { expired, upTo: markOfEntry(last) };
      const head = this.#entry.head();
      this.#expiring.removeFirst();
      this.#slots.unset(slot, EXPIRING);
      this.#key.set(head.key);
      this.#unlist(slot);
      this.#die(slot);
      this.#noteSwept(head.expiresAt);
      if (head.kind === 'put') expired.push(head);
    }
    return { expired, upTo: markOfClock(nowMs) };
  }

  /** As `EntryStore.deadAt`. */
  deadAt(nowMs: number): EntryHead[] {
    const dead: EntryHead[] = [];
    const look = (slot: number): boolean => {
      this.#records.look(slot);
      const isDead = this.#entry.isDead(nowMs);
      if (isDead) dead.push(this.#entry.head());
      return isDead;
    };
    for (let index = 0; index < this.#dead.length; index++)
      if (this.#slots.is(this.#dead.at(index), DEAD)) look(this.#dead.at(index));
    for (const slot of this.#expiring.all()) if (!look(slot)) break;
    return dead;
  }

  /** As `EntryStore.examineDead`. */
  examineDead(limit: number): EntryHead[] {
    const examined: EntryHead[] = [];
    // Once around at most: those that stay are pushed to the end.
    for (let left = this.#dead.length; left > 0 && examined.length < limit; left--) {
      const slot = this.#dead.shift();
      if (!this.#slots.is(slot, DEAD)) {
        this.#slots.unset(slot, QUEUED);
        continue;
      }
      this.#dead.push(slot);
      this.#records.look(slot);
      examined.push(this.#entry.head());
    }
    return examined;
  }

  /**
   * If the clock went back, swept entries may live again: they are listed, and a later sweep comes to
   * them anew. It costs time only if there may be such entries.
   */
  followBack(nowMs: number): void {
    if (nowMs >= this.#sweptUntilMs) return;
    this.#sweptUntilMs = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < this.#dead.length; index++) {
      const slot = this.#dead.at(index);
      if (!this.#slots.is(slot, DEAD)) continue;
      this.#records.look(slot);
      const head = this.#entry.head();
      if (isDead(head, nowMs)) {
        this.#noteSwept(head.expiresAt);
        continue;
      }
      this.#key.set(head.key);
      this.#revive(slot);
      if (head.expiresAt !== null) this.#expire(slot, head);
    }
  }

  // ---- images

  /** Only while a capture is under way. */
  image(): Pick<StoreImage, 'listed' | 'expiring' | 'dead' | 'deadSize'> {
    return {
      listed: this.listed.image(),
      expiring: this.#expiring.image(),
      dead: this.#dead.image(),
      deadSize: this.deadSize,
    };
  }

  /** The entries of the slots must be there. Sweeps are no part of an image: every expired entry is swept and told anew. */
  restore(image: ReturnType<SlotStates['image']>): void {
    this.listed.restore(image.listed);
    this.#expiring.restore(image.expiring);
    for (const slots of image.dead) for (const slot of slots) this.#dead.push(slot);
    this.deadSize = image.deadSize;
    this.#sweptUntilMs = Number.POSITIVE_INFINITY;
    this.followBack(Number.NEGATIVE_INFINITY);
  }

  // ---- states

  #expire(slot: number, entry: Pick<PutHead, 'expiresAt' | 'origin' | 'seq'>): void {
    this.#expiry.set(entry, slot);
    this.#expiring.add(slot);
    this.#slots.set(slot, EXPIRING);
  }

  /** The slot of the sought key leaves the list. */
  #unlist(slot: number): void {
    if (!this.#slots.is(slot, LISTED)) return;
    this.listed.remove(slot);
    this.#slots.unset(slot, LISTED);
  }

  #die(slot: number): void {
    if (this.#slots.is(slot, DEAD)) return;
    this.deadSize++;
    if (!this.#slots.is(slot, QUEUED)) this.#dead.push(slot);
    this.#slots.set(slot, DEAD | QUEUED);
  }

  /** The slot of the sought key is listed, and not dead. */
  #revive(slot: number): void {
    if (this.#slots.is(slot, DEAD)) {
      this.deadSize--;
      this.#slots.unset(slot, DEAD);
    }
    if (this.#slots.is(slot, LISTED)) return;
    this.listed.add(slot);
    this.#slots.set(slot, LISTED);
  }

  #noteSwept(expiresAt: number | null): void {
    if (expiresAt !== null) this.#sweptUntilMs = Math.max(this.#sweptUntilMs, expiresAt);
  }
}
