/**
 * One watcher: where its events go, and how far it has come.
 *
 * Invariant: it stands in one place at a time. `live`: at the end of the timeline, and told each event
 * as it happens. `behind`: before an item of the timeline that is still there. `reading`: at a position
 * in the log. Of the last two it keeps a position, from which it can always go on reading.
 */
import type { Cursor } from '../../words/cursor.ts';
import type { Limits } from '../../words/limits.ts';
import { type EventSubject, type StreamEventType, streamEventText } from '../event.ts';
import type { KeyEventType, Position } from '../position.ts';
import { encodeKeyEvent, type Format } from '../sharedEvent.ts';

/** Where a watcher's bytes go: a socket or a response. */
export interface Sink {
  write(bytes: Buffer): void;
  /** Bytes that were written and not yet handed to the network. */
  readonly bufferedBytes: number;
  /** Once more bytes than this wait, the sink tells when they are gone; of fewer it may say nothing. */
  readonly drainsAboveBytes: number;
  /** Bytes written from here to `uncork` go out together. */
  cork(): void;
  uncork(): void;
  /** Ends it for a reason that the client is told. */
  end(reason: EndReason): void;
}

export type EndReason = 'stopping' | 'restarted' | 'failed';

export interface WatchRequest {
  readonly prefix: string;
  readonly format: Format;
  /** Where to go on; null starts now. */
  readonly cursor: Cursor | null;
  /** Whether the client is told to forget what it holds; then the cursor need not be included. */
  readonly startsAnew?: boolean;
  /** Whether, without a cursor, the state is told first. */
  readonly withState: boolean;
}

export type Standing =
  | { readonly kind: 'live' }
  | { readonly kind: 'behind'; index: number }
  | { readonly kind: 'reading' };

const LIVE: Standing = { kind: 'live' };
const READING: Standing = { kind: 'reading' };

export class Watcher {
  readonly prefix: string;
  readonly format: Format;
  readonly sink: Sink;
  standing: Standing = READING;
  /** Where it goes on reading; of no meaning while it is live. */
  position: Position;
  /** It has caught up once it has read to here. */
  goalLsn: number;
  isSynced = false;
  isClosed = false;
  /** Whether a pump is under way: there is never more than one. */
  isPumped = false;
  /** Ticks of the hub since it was last sent anything. */
  silentTicks = 0;
  readonly #maxBufferedBytes: number;

  constructor(
    request: WatchRequest,
    sink: Sink,
    position: Position,
    { maxWatcherBufferBytes }: Pick<Limits, 'maxWatcherBufferBytes'>,
  ) {
    this.prefix = request.prefix;
    this.format = request.format;
    this.sink = sink;
    this.position = position;
    this.goalLsn = position.lsn;
    this.#maxBufferedBytes = maxWatcherBufferBytes;
  }

  /** False only where the sink will tell that it has drained, or nothing is to be written ever again. */
  get isWritable(): boolean {
    const { bufferedBytes, drainsAboveBytes } = this.sink;
    return !this.isClosed && bufferedBytes <= Math.max(this.#maxBufferedBytes, drainsAboveBytes);
  }

  stand(standing: 'live' | 'reading'): void {
    this.standing = standing === 'live' ? LIVE : READING;
  }

  write(bytes: Buffer): void {
    if (this.isClosed) return;
    this.silentTicks = 0;
    this.sink.write(bytes);
  }

  writeKeyEvent(type: KeyEventType, subject: EventSubject, cursor: string): void {
    this.write(encodeKeyEvent(this.format, type, subject, cursor));
  }

  writeStreamEvent(type: StreamEventType, cursor: string): void {
    this.write(this.format.encode(type, cursor, streamEventText(type, cursor)));
  }
}
