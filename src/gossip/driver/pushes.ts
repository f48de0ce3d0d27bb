/**
 * Pushes (rule 7): the ops of a commit go to peers in the turn of the event loop that committed them. In a full mesh a
 * node pushes its own ops to all; beyond it, each node pushes on what is new to it along eager links, and tells
 * lazy ones what there is.
 */
import type { Committed, Replica } from '../../replica/replica.ts';
import type { CommittedRow } from '../../rules/committedRow.ts';
import { add, carriedHash, type Hash, subtract } from '../../words/hash.ts';
import type { Limits } from '../../words/limits.ts';
import { boundedTraces, type TraceParent, type Tracer } from '../../words/trace.ts';
import type { MutableVector, Vector } from '../../words/vector.ts';
import { encodeDelta, encodeMessage, encodePush } from '../protocol/messages.ts';
import { encodeOp } from '../protocol/opCodec.ts';
import type { Targets } from '../protocol/spread.ts';
import type { HaveMessage } from '../protocol/spreadMessages.ts';
import type { ConnectionId, Transport } from '../transport.ts';

export interface PushesOptions {
  readonly replica: Replica;
  readonly transport: Transport;
  readonly tracer: Tracer;
  readonly targets: () => ConnectionId[];
  /** Whether the cluster is beyond a full mesh. */
  readonly isMesh: () => boolean;
  /** Beyond a full mesh: where ops of an origin go that were committed up to a seq. */
  readonly spreadTargets: (origin: string, to: number) => Targets;
  /** Whether the peer has shown that it holds the origin's ops up to the seq. */
  readonly isHeld: (connection: ConnectionId, origin: string, seq: number) => boolean;
  /** How a lazy link is told of seqs. */
  readonly haveFor: (connection: ConnectionId, seqs: Vector) => HaveMessage;
  /** A clock that is never set, in milliseconds. */
  readonly steadyMs: () => number;
  /** Only for tests: whether to lose this push. */
  readonly losePush: (() => boolean) | undefined;
}

/** Milliseconds between two messages that tell a lazy link what there is. */
const TELL_INTERVAL_MS = 250;

export class Pushes {
  sent = 0;
  /** The number of pushes not sent, because the connection did not keep up: a pull brings their ops. */
  shed = 0;
  readonly #options: PushesOptions;
  /** By lazy link: what it has not been told yet. */
  readonly #untold = new Map<ConnectionId, MutableVector>();
  #nextTellAt = 0;

  constructor(options: PushesOptions) {
    this.#options = options;
  }

  push(committed: Committed): void {
    const { rows, origin, traces } = committed;
    const { targets, isMesh } = this.#options;
    if (isMesh()) {
      this.#spread(committed);
      return;
    }
    const connections = targets();
    if (connections.length === 0) return;
    const own = rows.filter(({ row }) => row.op.origin === origin);
    if (own.length === 0) return;
    this.#pushTo(connections, own, origin, traces);
  }

  #pushTo(
    connections: readonly ConnectionId[],
    rows: readonly CommittedRow[],
    origin: string,
    traces: Committed['traces'],
  ): void {
    if (traces.size === 0) this.#sendRows(rows, { origin, traces }, connections);
    else this.#traced(rows, { origin, traces }, connections);
  }

  /** Tells lazy links what there is and they have not shown meanwhile; called a few times a second. */
  tick(): void {
    const { steadyMs, transport, isHeld, haveFor } = this.#options;
    if (this.#untold.size === 0 || steadyMs() < this.#nextTellAt) return;
    this.#nextTellAt = steadyMs() + TELL_INTERVAL_MS;
    for (const [connection, vector] of this.#untold) {
      for (const [origin, seq] of vector)
        if (isHeld(connection, origin, seq)) vector.delete(origin);
      if (vector.size > 0) transport.send(connection, encodeMessage(haveFor(connection, vector)));
    }
    this.#untold.clear();
  }

  drop(connection: ConnectionId): void {
    this.#untold.delete(connection);
  }

  #spread({ rows, origin: own, traces }: Committed): void {
    for (const [origin, some] of byOrigin(rows)) {
      const to = some.at(-1)?.row.op.seq ?? 0;
      const { eager, lazy } = this.#options.spreadTargets(origin, to);
      if (eager.length > 0) this.#pushTo(eager, some, origin, origin === own ? traces : NO_TRACES);
      for (const connection of lazy) this.#tellLater(connection, origin, to);
    }
  }

  #tellLater(connection: ConnectionId, origin: string, seq: number): void {
    const untold = this.#untold.get(connection) ?? new Map<string, number>();
    this.#untold.set(connection, untold.set(origin, seq));
  }

  #traced(
    own: readonly CommittedRow[],
    committed: Pick<Committed, 'origin' | 'traces'>,
    connections: readonly ConnectionId[],
  ): void {
    const span = this.#options.tracer.begin({
      name: 'hearsay.push',
      kind: 'producer',
      for: boundedTraces(committed.traces.values()),
      facts: { 'hearsay.ops': own.length, 'hearsay.peers': connections.length },
    });
    const shedBefore = this.shed;
    this.#sendRows(own, committed, connections);
    span.end({ 'hearsay.shed': this.shed - shedBefore });
  }

  #sendRows(
    own: readonly CommittedRow[],
    { origin, traces }: Pick<Committed, 'origin' | 'traces'>,
    connections: readonly ConnectionId[],
  ): void {
    const { replica, isMesh } = this.#options;
    const encode = isMesh() ? encodePush : encodeOneRange;
    const { sum } = replica.record(origin);
    for (const text of pushTexts(own, sum, replica.limits, traces, encode))
      for (const connection of connections) this.#send(connection, text);
  }

  #send(connection: ConnectionId, text: string): void {
    const { replica, transport, losePush } = this.#options;
    if (transport.bufferedBytes(connection) > replica.limits.maxPeerBufferBytes) {
      this.shed++;
      return;
    }
    if (losePush?.()) return;
    this.sent++;
    transport.send(connection, text);
  }
}

/** As nodes up to protocol 5 read it. */
const encodeOneRange: typeof encodePush = (range, wireOps, traces) =>
  encodeDelta([range], wireOps, null, { traces });

const NO_TRACES: Committed['traces'] = new Map();

/** The rows of each origin, in the order of their seqs, which is that of the log. */
function byOrigin(rows: readonly CommittedRow[]): Map<string, CommittedRow[]> {
  const found = new Map<string, CommittedRow[]>();
  for (const one of rows) {
    const { origin } = one.row.op;
    const some = found.get(origin);
    if (some === undefined) found.set(origin, [one]);
    else some.push(one);
  }
  return found;
}

/**
 * Encodes each op once, for any number of peers.
 *
 * @param rows of one origin, without a gap.
 * @param sumAtEnd the sum of the origin's ops up to the last row.
 * @param traces the spans of the requests of some rows.
 * @param encode makes the text of some of them.
 */
export function pushTexts(
  rows: readonly CommittedRow[],
  sumAtEnd: Hash,
  { maxDeltaOps, maxDeltaBytes }: Pick<Limits, 'maxDeltaOps' | 'maxDeltaBytes'>,
  traces: Committed['traces'],
  encode = encodeOneRange,
): string[] {
  let sum = sumAtEnd;
  for (const { row } of rows) sum = subtract(sum, carriedHash(row.op));
  const texts: string[] = [];
  let wireOps: string[] = [];
  let traced: TraceParent[] = [];
  let bytes = 0;
  for (const [index, one] of rows.entries()) {
    one.wire ??= encodeOp(one.row.op);
    wireOps.push(one.wire);
    const trace = traces.get(one.row);
    if (trace !== undefined) traced.push(trace);
    bytes += one.wire.length;
    sum = add(sum, carriedHash(one.row.op));
    const { origin, seq: to } = one.row.op;
    if (wireOps.length < maxDeltaOps && bytes < maxDeltaBytes && index < rows.length - 1) continue;
    const range = { origin, after: to - wireOps.length, to, sum };
    texts.push(encode(range, wireOps, boundedTraces(traced)));
    wireOps = [];
    traced = [];
    bytes = 0;
  }
  return texts;
}
