/** An event for many watchers: it is made when it happens, and encoded at most once for each format. */

import { type EventSubject, keyEventText, type WatchEventType } from './event.ts';
import type { KeyEventType } from './position.ts';

/** The form of events for some watchers, as bytes. */
export interface Format {
  /** A small whole number, different for each format: the index at which an event keeps its bytes. */
  readonly index: number;
  /** Whether these watchers want values. */
  readonly withValues: boolean;
  encode(type: WatchEventType, cursor: string, text: string): Buffer;
}

export class SharedEvent {
  readonly type: KeyEventType;
  readonly subject: EventSubject;
  readonly cursor: string;
  readonly #bytes: (Buffer | undefined)[] = [];

  constructor(type: KeyEventType, subject: EventSubject, cursor: string) {
    this.type = type;
    this.subject = subject;
    this.cursor = cursor;
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
