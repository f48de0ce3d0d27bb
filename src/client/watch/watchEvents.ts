/** The events of a watch, and the reader that takes them off the wire. */
import { type Entry, withValue } from '../calls/entry.ts';
import { countMember, instantMember, isObject, type JsonObject, stringMember } from '../json.ts';

interface Told {
  /** The place after this event: a watch with this cursor goes on from there, on any node. */
  readonly cursor: string;
}

/** A key has this entry now. Without values, `value` is undefined. */
export interface PutEvent<T = unknown> extends Entry<T>, Told {
  readonly type: 'put';
}

/** A key is absent, because it was deleted. */
export interface DeleteEvent extends Told {
  readonly type: 'delete';
  readonly key: string;
  /** The version of the delete: the greatest version, unless the delete named one. */
  readonly version: number;
}

/** A key is absent, because its entry has expired. */
export interface ExpireEvent extends Told {
  readonly type: 'expire';
  readonly key: string;
  /** The version of the entry that has expired. */
  readonly version: number;
}

/** An entry has another expiry, and nothing else of it has changed. Only a watch with `touches` tells it. */
export interface TouchEvent extends Told {
  readonly type: 'touch';
  readonly key: string;
  /** That of the entry, as it was told last. */
  readonly version: number;
  /** Null if the entry never expires now. */
  readonly expiresAt: Date | null;
}

/**
 * `synced`: the whole state at the start of the watch has been told. `bookmark`: nothing has changed,
 * but there is a newer cursor. `reset`: the log does not reach back to the cursor; forget every earlier
 * event, the full state follows and then `synced`.
 */
export interface StreamEvent extends Told {
  readonly type: 'synced' | 'bookmark' | 'reset';
}

/** An event of one key: its events come in order, none twice, and the last state always comes. */
export type KeyEvent<T = unknown> = PutEvent<T> | DeleteEvent | ExpireEvent;

export type WatchEvent<T = unknown> = KeyEvent<T> | TouchEvent | StreamEvent;

/**
 * @returns null for an unknown type, which newer nodes may send.
 * @throws TypeError for a message that no node sends.
 */
export function readEvent<T>(message: unknown): WatchEvent<T> | null {
  if (!isObject(message)) throw new TypeError('a message is no event');
  const type = stringMember(message, 'type');
  const cursor = stringMember(message, 'cursor');
  if (cursor === null) throw new TypeError('an event has no cursor');
  switch (type) {
    case 'put':
    case 'touch':
    case 'delete':
    case 'expire':
      return readKeyEvent<T>(message, type, cursor);
    case 'synced':
    case 'bookmark':
    case 'reset':
      return { type, cursor };
    default:
      return null;
  }
}

function readKeyEvent<T>(
  message: JsonObject,
  type: (KeyEvent | TouchEvent)['type'],
  cursor: string,
): KeyEvent<T> | TouchEvent {
  const key = stringMember(message, 'key');
  const version = countMember(message, 'version');
  if (key === null || version === null) throw new TypeError(`a ${type} has no key or no version`);
  if (type === 'delete' || type === 'expire') return { type, key, version, cursor };
  const expiresAt = instantMember(message, 'expires_at');
  if (type === 'touch') return { type, key, version, expiresAt, cursor };
  const facts = { type, key, version, expiresAt, cursor } as const;
  return withValue<typeof facts, T>(facts, message);
}
