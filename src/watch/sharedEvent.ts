/** An event for many watchers: it is made when it happens, and encoded at most once for each format. */

import { encodeRelying } from '../words/cursor.ts';
import type { OpId } from '../words/op.ts';
import type { Vector } from '../words/vector.ts';
import { type EventSubject, keyEventText, type WatchEventType } from './event.ts';
import type { KeyEventType } from './position.ts';

/** The form of events for some watchers, as bytes. */
export interface Format {
  /** A small whole number, different for each format: the index at which an event keeps its bytes. */
  readonly index: number;
  /** Whether these watchers want values. */
  readonly withValues: boolean;
  /** Whether these watchers want to know of touches. */
  readonly withTouches?: boolean;
  encode(type: WatchEventType, cursor: string, text: string): Buffer;
}

export class SharedEvent {
  readonly type: KeyEventType;
  readonly subject: EventSubject;
  readonly cursor: string;
  /** Of a touch: the op that it gave another expiry. */
  readonly touched: OpId | null;
  readonly #bytes: (Buffer | undefined)[] = [];
  #put: SharedEvent | null = null;

  constructor(
    type: KeyEventType,
    subject: EventSubject,
    cursor: string,
    touched: OpId | null = null,
  ) {
    this.type = type;
    this.subject = subject;
    this.cursor = cursor;
    this.touched = touched;
  }

  /**
   * The bytes for a watcher, or null if it is not to be told.
   *
   * @param knows whether it was told the value of the touched op: a watcher that was not is told a put.
   */
  bytesFor(format: Format, knows: boolean): Buffer | null {
    if (this.type !== 'touch') return this.bytes(format);
    if (knows) return format.withTouches === true ? this.bytes(format) : null;
    this.#put ??= new SharedEvent('put', this.subject, this.cursor);
    return this.#put.bytes(format);
  }

  /** The bytes for a watcher that was not told everything before, which is told a put in the place of a touch. */
  bytesRelying(format: Format, relies: Vector): Buffer {
    const type = this.type === 'touch' ? 'put' : this.type;
    return encodeKeyEvent(format, type, this.subject, encodeRelying(this.cursor, relies));
  }

  bytes(format: Format): Buffer {
    let bytes = this.#bytes[format.index];
    if (bytes === undefined) {
      bytes = encodeKeyEvent(format, this.type, this.subject, this.cursor);
      this.#bytes[format.index] = bytes;
    }
    return bytes;
  }
}

export const encodeKeyEvent = (
  format: Format,
  type: KeyEventType,
  subject: EventSubject,
  cursor: string,
): Buffer => format.encode(type, cursor, keyEventText(type, subject, cursor, format.withValues));
