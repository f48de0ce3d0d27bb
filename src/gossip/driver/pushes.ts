/** Pushes (rule 7): the ops of a commit go to peers in the turn of the event loop that committed them. */
import type { Committed, Replica } from '../../replica/replica.ts';
import type { RecentRow } from '../../rules/recentRows.ts';
import { add, carriedHash, type Hash, subtract } from '../../words/hash.ts';
import type { Limits } from '../../words/limits.ts';
import { boundedTraces, type TraceParent, type Tracer } from '../../words/trace.ts';
import { encodeDelta } from '../protocol/messages.ts';
import { encodeOp } from '../protocol/opCodec.ts';
import type { ConnectionId, Transport } from '../transport.ts';

export interface PushesOptions {
  readonly replica: Replica;
  readonly transport: Transport;
  readonly tracer: Tracer;
  readonly targets: () => ConnectionId[];
  /** Only for tests: whether to lose this push. */
  readonly losePush: (() => boolean) | undefined;
}

export class Pushes {
  sent = 0;
  /** The number of pushes not sent, because the connection did not keep up: a pull brings their ops. */
  shed = 0;
  readonly #options: PushesOptions;

  constructor(options: PushesOptions) {
    this.#options = options;
  }

  push(committed: Committed): void {
    const { rows, origin, traces } = committed;
    const { targets } = this.#options;
    const own = rows.filter(({ row }) => row.op.origin === origin);
    if (own.length === 0) return;
    const connections = targets();
    if (connections.length === 0) return;
    if (traces.size === 0) this.#sendRows(own, committed, connections);
    else this.#traced(own, committed, connections);
  }

  #traced(
    own: readonly RecentRow[],
    committed: Committed,
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
    own: readonly RecentRow[],
    { origin, traces }: Committed,
    connections: readonly ConnectionId[],
  ): void {
    const { replica } = this.#options;
    for (const text of pushTexts(own, replica.record(origin).sum, replica.limits, traces))
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

/**
 * Encodes each op once, for any number of peers.
 *
 * @param rows of one origin, without a gap.
 * @param sumAtEnd the sum of the origin's ops up to the last row.
 * @param traces the spans of the requests of some rows.
 */
export function pushTexts(
  rows: readonly RecentRow[],
  sumAtEnd: Hash,
  { maxDeltaOps, maxDeltaBytes }: Pick<Limits, 'maxDeltaOps' | 'maxDeltaBytes'>,
  traces: Committed['traces'],
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
    const ranges = [{ origin, after: to - wireOps.length, to, sum }];
    texts.push(encodeDelta(ranges, wireOps, null, { traces: boundedTraces(traced) }));
    wireOps = [];
    traced = [];
    bytes = 0;
  }
  return texts;
}
