/**
 * The replica's part of the core's decisions: it commits ops of peers, admits members and collects dead
 * entries, and gives the core the outcome.
 */

import type { Replica } from '../../replica/replica.ts';
import { within } from '../../replica/tracedWork.ts';
import type { Delta } from '../../words/delta.ts';
import {
  BrokenInvariantError,
  DuplicateOpError,
  FalseSnapshotError,
  HearsayError,
  LongSnapshotError,
} from '../../words/errors.ts';
import type { NoteFacts } from '../../words/note.ts';
import type { TraceParent, Tracer } from '../../words/trace.ts';
import type { Input, InputOf, OutputOf } from '../protocol/inputOutput.ts';
import type { ConnectionId } from '../transport.ts';

export interface CommitsOptions {
  readonly replica: Replica;
  readonly step: (input: Input) => void;
  readonly tracer: Tracer;
  /** The answer of a pull from the peer is in the log. @param from the origin of the peer. @param ops that were new. */
  readonly takenIn: (connection: ConnectionId, from: string, ops: number) => void;
  readonly warn: (text: string, facts: NoteFacts) => void;
  /** For warnings that come again and again. */
  readonly warnRarely: (text: string, facts: NoteFacts) => void;
}

/**
 * The number of dead entries that one go looks at, so that collecting never holds the event loop for
 * long.
 */
const COLLECT_LIMIT = 10_000;

export class Commits {
  /** The number of peers' ops that were new. */
  opsReceived = 0;
  /** The number of entries that were collected. */
  collected = 0;
  readonly #options: CommitsOptions;
  #isCollecting = false;

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  async take({
    connection,
    delta,
    from,
    pull,
    more,
    traces = [],
  }: OutputOf<'take'>): Promise<void> {
    let outcome: InputOf<'taken'>['outcome'] = { kind: 'refused' };
    try {
      outcome = await (traces.length === 0
        ? this.#receive(delta, from)
        : this.#receiveTraced(delta, from, traces));
    } finally {
      // The core counts the answers that are being taken in, and one that could not be is over too.
      const ops = 'ops' in outcome ? outcome.ops : 0;
      this.opsReceived += ops;
      if (pull !== null) this.#options.takenIn(connection, from, ops);
      this.#options.step({ kind: 'taken', connection, outcome, pull, more });
    }
  }

  #receiveTraced(
    delta: Delta,
    from: string,
    traces: readonly TraceParent[],
  ): Promise<InputOf<'taken'>['outcome']> {
    const facts = { 'hearsay.peer.origin': from, 'hearsay.ops': delta.ops.length };
    const start = { name: 'hearsay.apply', kind: 'consumer', for: traces, facts } as const;
    return within(
      this.#options.tracer,
      start,
      () => this.#receive(delta, from),
      ({ kind }) => ({ 'hearsay.outcome': kind }),
    );
  }

  /** A full queue or disk refuses a delta; nothing is lost, since a pull brings it again. */
  async #receive(delta: Delta, from: string): Promise<InputOf<'taken'>['outcome']> {
    if (delta.ranges.length === 0) return { kind: 'applied', ops: 0 };
    try {
      return await this.#options.replica.receive(delta, from);
    } catch (error) {
      const reason = refusalOf(error).message;
      this.#options.warnRarely(`ops of a peer are not taken now: ${reason}`, {
        event: 'ops-not-taken',
        origin: from,
        reason,
      });
      return { kind: 'refused' };
    }
  }

  async takeSnapshot(output: OutputOf<'takeSnapshot'>): Promise<void> {
    const { connection, part, rows, origins, end } = output;
    const { replica, step, warn } = this.#options;
    let ok = true;
    let fault: string | null = null;
    try {
      ok = await replica.incomingSnapshot.takeRows(rows);
      if (ok && origins !== null) replica.incomingSnapshot.takeOrigins(origins);
      if (ok && end !== null) ok = await replica.incomingSnapshot.finish(end);
    } catch (error) {
      if (isOfSender(error)) fault = error.message;
      else {
        const reason = refusalOf(error).message;
        warn(reason, { event: 'snapshot-not-taken', reason });
      }
      ok = false;
    }
    step({ kind: 'tookSnapshot', connection, part, ended: end !== null, ok, fault });
  }

  async admit({ kind: _, origin, value, ...question }: OutputOf<'admit'>): Promise<void> {
    await this.#options.replica.membership.admit(origin, value);
    this.#options.step({ kind: 'admitted', ...question });
  }

  async collect(stable: OutputOf<'collect'>['stable']): Promise<void> {
    if (this.#isCollecting) return;
    this.#isCollecting = true;
    try {
      this.collected += (
        await this.#options.replica.forgetting.collect(stable, COLLECT_LIMIT)
      ).length;
    } finally {
      this.#isCollecting = false;
    }
  }
}

/** Whether the content of a snapshot is at fault, and not this node. */
const isOfSender = (error: unknown): error is HearsayError =>
  error instanceof FalseSnapshotError ||
  error instanceof LongSnapshotError ||
  error instanceof DuplicateOpError;

/** @throws the error itself if it is a fault and no refusal. */
function refusalOf(error: unknown): HearsayError {
  if (!(error instanceof HearsayError) || error instanceof BrokenInvariantError) throw error;
  return error;
}
