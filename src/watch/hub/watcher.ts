/**
 * One watcher: its sink, and its place.
 *
 * Invariant: a watcher is in one place at a time. `live`: at the end of the timeline, told each event
 * as it happens. `behind`: before an item of the timeline that is still there. `reading`: at a position
 * in the log. While it is `behind` or `reading` it keeps a position, from which it can always go on
 * reading.
 */
import type { FollowedVector } from '../../rules/closings.ts';
import type { Cursor } from '../../words/cursor.ts';
import type { ColdPut, OpId, Put } from '../../words/op.ts';
import { covers } from '../../words/vector.ts';
import { type EventSubject, type StreamEventType, streamEventText } from '../event.ts';
import type { KeyEventType, Position } from '../position.ts';
import { encodeKeyEvent, type Format } from '../sharedEvent.ts';

/** The target of a watcher's bytes: a socket or a response. */
export interface Sink {
  write(bytes: Buffer): void;
  /** Bytes that were written and not yet handed to the network. */
  readonly bufferedBytes: number;
  /**
   * If more bytes than this wait, the sink tells when they are gone; if fewer wait, it may stay silent.
   */
  readonly drainsAboveBytes: number;
  /** Bytes written from here to `uncork` go out together. */
  cork(): void;
  uncork(): void;
  /** Ends the watch with a reason for the client. */
  end(reason: EndReason): void;
}

/** The bytes that may wait for one watcher, which change with the number of watchers. */
export interface BufferRoom {
  readonly maxBufferedBytes: number;
}

export type EndReason = 'stopping' | 'restarted' | 'failed';

/** Who watches, for people. */
export interface WatchClient {
  readonly over: 'stream' | 'socket' | 'process';
  /** The public name of the proof that it showed. */
  readonly caller: string;
  /** Its network address. */
  readonly address: string;
}

/** Code of the node's own process. */
const IN_PROCESS: WatchClient = { over: 'process', caller: 'process', address: '' };

export interface WatchRequest {
  /** By default code of the node's own process. */
  readonly client?: WatchClient;
  readonly prefix: string;
  readonly format: Format;
  /** The cursor to go on from; null starts now. */
  readonly cursor: Cursor | null;
  /** Whether the client gets a reset first; then the replica need not include the cursor. */
  readonly startsAnew?: boolean;
  /** Whether, without a cursor, the state is told first. */
  readonly withState: boolean;
}

export type Standing =
  | { readonly kind: 'live' }
  | { readonly kind: 'behind'; index: number }
  | { readonly kind: 'reading' };

export const NO_VALUES: ReadonlyMap<string, Put> = new Map();

const LIVE: Standing = { kind: 'live' };
const READING: Standing = { kind: 'reading' };

export class Watcher {
  readonly prefix: string;
  readonly format: Format;
  readonly sink: Sink;
  readonly client: WatchClient;
  /** UTC milliseconds. */
  readonly sinceMs: number;
  /** How often it left the end of the timeline. */
  fellBehind = 0;
  /** Events that it was not told, because a later one of their keys had come. */
  leftOut = 0;
  standing: Standing = READING;
  /** While it is live: it was told every item of the timeline before this index. */
  toldIndex = 0;
  /** The position from which it goes on reading; without meaning while it is live. */
  position: Position;
  /**
   * The ops that its cursor covered. It may not have been told them: a cursor also covers ops that were passed over for
   * a greater one, which this node may not have. Null: this connection has told it all that it covers.
   */
  mayLack: FollowedVector | null = null;
  /** The watcher has caught up once it has read to this lsn. */
  goalLsn: number;
  /** It goes live no earlier than here: it was not told something for the sake of an op up to this lsn. */
  liveFromLsn = 0;
  isSynced = false;
  isClosed = false;
  /** Whether a pump is under way: there is never more than one. */
  isPumped = false;
  /** Entries of the state whose values are to be read from the log, */
  cold: ColdPut[] = [];
  /** and those that were read, by key. */
  values: ReadonlyMap<string, Put> = NO_VALUES;
  /** Ticks of the hub since the last message to the watcher. */
  silentTicks = 0;
  readonly #room: BufferRoom;

  /** @param sinceMs UTC milliseconds. */
  constructor(
    request: WatchRequest,
    sink: Sink,
    position: Position,
    room: BufferRoom,
    sinceMs: number,
  ) {
    this.prefix = request.prefix;
    this.client = request.client ?? IN_PROCESS;
    this.sinceMs = sinceMs;
    this.format = request.format;
    this.sink = sink;
    this.position = position;
    this.goalLsn = position.lsn;
    this.#room = room;
  }

  /** False only if the sink will tell that it has drained, or nothing is ever to be written again. */
  get isWritable(): boolean {
    const { bufferedBytes, drainsAboveBytes } = this.sink;
    return (
      !this.isClosed && bufferedBytes <= Math.max(this.#room.maxBufferedBytes, drainsAboveBytes)
    );
  }

  /** Whether it was told what the op stored, once it has read to the end. */
  knows(op: OpId): boolean {
    return this.mayLack === null || !covers(this.mayLack, op);
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
