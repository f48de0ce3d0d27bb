/**
 * Events as JSON text. The text of a value is copied in unchanged, so that its digits, the order of its
 * keys and its duplicates come as they were sent.
 */
import { instantText } from '../words/time.ts';
import type { KeyEventType } from './position.ts';

/** The content of an event: the key's op, or its row in the record of expiries. */
export interface EventSubject {
  readonly key: string;
  readonly version: number;
  readonly expiresAt: number | null;
  /** JSON text; only a put carries it. */
  readonly value?: string | null | undefined;
  readonly meta?: string | null | undefined;
}

/** A message about the stream itself, not about a key. */
export type StreamEventType = 'synced' | 'bookmark' | 'reset';
export type WatchEventType = KeyEventType | StreamEventType;

/** @param withValue whether the watcher wants values. */
export function keyEventText(
  type: KeyEventType,
  { key, version, expiresAt, value, meta }: EventSubject,
  cursor: string,
  withValue: boolean,
): string {
  const isPut = type === 'put';
  let text = `{"type":"${type}","key":${JSON.stringify(key)}`;
  if (withValue && type !== 'touch') text += `,"value":${isPut ? (value ?? 'null') : 'null'}`;
  if (withValue && isPut && meta != null) text += `,"meta":${meta}`;
  const expiry = type === 'delete' ? 'null' : instantText(expiresAt);
  return `${text},"version":${version},"expires_at":${expiry},"cursor":"${cursor}"}`;
}

export const streamEventText = (type: StreamEventType, cursor: string): string =>
  `{"type":"${type}","cursor":"${cursor}"}`;
