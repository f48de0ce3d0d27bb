/**
 * The driver carries out what the core decides, between the replica and the transport. Time, randomness
 * and ids come from outside; the simulator runs this very driver.
 */
import { deletesAfter } from '../../replica/deletes.ts';
import type { Replica } from '../../replica/replica.ts';
import type { Member } from '../../rules/members.ts';
import {
  BrokenInvariantError,
  DamagedLogError,
  DiskFullError,
  HearsayError,
} from '../../words/errors.ts';
import type { FaultCounts } from '../border/border.ts';
import type { Refusal } from '../border/conduct.ts';
import { Core } from '../protocol/core.ts';
import type { Input, Output, OutputOf, View } from '../protocol/inputOutput.ts';
import { encodeMessage } from '../protocol/messages.ts';
import type { PeerStatus } from '../protocol/peerStatus.ts';
import type { RingStatus } from '../protocol/ringStatus.ts';
import type { Phase } from '../protocol/standing.ts';
import type { ConnectionId, Transport, TransportEvent } from '../transport.ts';
import { type Counted, countsOf } from './counts.ts';
import { type MemberStatus, memberStatuses } from './memberStatus.ts';
import type { DriverOptions } from './options.ts';
import { type Parts, partsOf } from './parts.ts';
import { viewOf } from './view.ts';

const UNHANDLED = 'a message of it could not be handled';

export class Driver {
  readonly #options: DriverOptions;
  readonly #replica: Replica;
  readonly #transport: Transport;
  readonly #view: View;
  readonly #connections = new Set<ConnectionId>();
  readonly #parts: Parts;
  readonly #endCommits: () => void;
  #core: Core;
  readonly #counted: Counted = { pulls: 0, disagreements: 0, joinsPostponed: 0 };
  /** By configured URL. */
  readonly #resolved = new Map<string, readonly string[]>();
  #stopped = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#replica = options.replica;
    this.#transport = options.transport;
    this.#view = viewOf(options.replica);
    this.#parts = partsOf(options, {
      view: this.#view,
      core: () => this.#core,
      step: (input) => this.#step(input),
      isOpen: (connection) => this.#connections.has(connection),
      isStopped: () => this.#stopped,
      steadyMs: () => this.#steadyMs(),
      offer: () => this.#offer(),
      endConnections: (reason) => this.#endConnections(reason),
      begin: (known, leaves) => {
        this.#core = this.#newCore(known);
        this.#core.hasLeft(leaves);
      },
    });
    this.#core = this.#newCore([]);
    this.#transport.listen((event) => this.#onTransport(event));
    this.#endCommits = this.#replica.onCommit((committed) => this.#parts.pushes.push(committed));
  }

  /** Called a few times a second: dials, pulls and collects, each when it is due. */
  tick(): void {
    this.#parts.lives.tick();
    this.#step({ kind: 'tick' });
    if (this.#parts.gate.isReady && this.#parts.offers.isDue) this.#offer();
    this.#parts.gate.openForWrites();
    this.#parts.pushes.tick();
    this.#parts.judges.tick();
    this.#parts.compares.tick();
    this.#run(() => this.#parts.offers.dropHeld());
  }

  /** The name of a configured URL leads to these URLs now; so it stays for further lives of the log. */
  resolved(url: string, addresses: readonly string[]): void {
    this.#resolved.set(url, addresses);
    this.#core.resolved(url, addresses);
  }

  /** Totals since the start, for metrics. */
  get counts() {
    return countsOf(this.#parts, this.#counted);
  }

  /** Whether ops that a rejoin has set aside are still to be offered. */
  get owesOffers(): boolean {
    return !this.#parts.offers.isDone;
  }

  /** Whether no such op is left, and others hold all of them. */
  get areOffersSettled(): boolean {
    return this.#parts.offers.areSettled;
  }

  /** The number of logs that are set aside. */
  get logsAside(): number {
    return this.#parts.offers.logs;
  }

  get phase(): Phase {
    return this.#core.phase;
  }

  status(): PeerStatus[] {
    return this.#core.status();
  }

  /** The ring after this node; null in a full mesh. */
  get ring(): RingStatus | null {
    return this.#core.ring;
  }

  /** The number of peers that have committed this node's own op of that seq. */
  count(seq: number): number {
    return this.#core.acks(seq);
  }

  /** Whether every member that this node counts has committed its own op of that seq. */
  isHeldByAll(seq: number): boolean {
    return this.#core.isHeldByAll(seq);
  }

  /** The number of other nodes that are members. */
  others(): number {
    return this.#core.others();
  }

  /** Asks the peers to say at once when they have committed this node's ops; once in each turn. */
  ask(): void {
    this.#parts.confirmRequests.ask();
  }

  /** Asks all members, also those without a link. @param forMs how long a client waits, in milliseconds. */
  askAll(seq: number, forMs: number): void {
    this.ask();
    this.#core.askAll(seq, forMs);
  }

  /**
   * Calls the function whenever a peer has committed more of this node's own ops. @returns a function
   * that ends the calls.
   */
  onConfirmed(listener: () => void): () => void {
    return this.#parts.confirmRequests.onConfirmed(listener);
  }

  /** Origins with two different ops under one id, and whose nodes have not rejoined yet. */
  forked(): string[] {
    return [...this.#core.forked].filter((origin) => !this.#view.members.isRetired(origin));
  }

  /** Peers that broke the protocol and are not let in. */
  refusals(): Refusal[] {
    return this.#parts.border.refusals();
  }

  /** A claim that this node must rejoin and did not follow, as a sentence; null if there was none lately. */
  get doubt(): string | null {
    return this.#core.doubt;
  }

  /** Faults of peers, and refusals that came of them, since the start. */
  get conduct(): { readonly faults: FaultCounts; readonly refused: FaultCounts } {
    return this.#parts.border;
  }

  members(): MemberStatus[] {
    return memberStatuses(this.#view, this.#core, this.#replica.nowMs());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endCommits();
    await this.#transport.stop();
    await this.#parts.lives.stop();
  }

  #newCore(known: readonly Member[]): Core {
    const { settings, random } = this.#options;
    this.#parts.gate.begin(this.#view.joined);
    const { past } = this.#parts.offers;
    const { claimedRejoinAt } = this.#parts.lives;
    const nowMs = this.#replica.nowMs();
    const core = new Core(
      settings,
      this.#view,
      random,
      nowMs,
      this.#steadyMs(),
      past,
      claimedRejoinAt,
    );
    core.remember([...known, ...past.members]);
    for (const [url, addresses] of this.#resolved) core.resolved(url, addresses);
    return core;
  }

  // ---- connections

  #onTransport(event: TransportEvent): void {
    switch (event.kind) {
      case 'opened':
        if (this.#parts.lives.isChanging) {
          // The next core would never hear of the connection, and the peer would wait in vain for a
          // hello.
          this.#transport.close(event.connection, 'the node goes on under another origin');
          return;
        }
        this.#connections.add(event.connection);
        this.#parts.border.opened(event.connection, event.address, event.dialledUrl, event.proved);
        this.#step(event);
        break;
      case 'message':
        if (this.#connections.has(event.connection)) this.#messageFrom(event);
        break;
      case 'closed':
        this.#dropConnection(event.connection);
        this.#step(event);
        break;
      case 'dialFailed':
        this.#step(event);
        break;
      default:
        event satisfies never;
    }
  }

  #dropConnection(connection: ConnectionId): void {
    this.#connections.delete(connection);
    this.#parts.border.closed(connection);
    this.#parts.turns.drop(connection);
    this.#parts.pullTimes.drop(connection);
    this.#parts.judges.drop(connection);
    this.#parts.pushes.drop(connection);
    this.#parts.answers.drop(connection);
    this.#parts.repairs.drop(connection);
    this.#parts.compares.drop(connection);
    this.#parts.snapshots.drop(connection);
  }

  #endConnections(reason: string): void {
    for (const connection of this.#connections) {
      this.#transport.close(connection, reason);
      this.#dropConnection(connection);
    }
  }

  // ---- the core

  #step(input: Input): void {
    if (this.#stopped || this.#parts.lives.isChanging) return;
    const outputs = this.#core.step(input, this.#replica.nowMs(), this.#steadyMs());
    for (const output of outputs) this.#carryOut(output);
  }

  #messageFrom(event: Extract<TransportEvent, { kind: 'message' }>): void {
    const { connection, text } = event;
    try {
      this.#step(this.#parts.border.inputOf(connection, text));
    } catch (error) {
      this.#faultOf(connection, error);
    }
  }

  /**
   * A message that can't be handled ends the connection of its sender; a broken invariant of this node
   * stops the node.
   */
  #faultOf(connection: ConnectionId, error: unknown): void {
    if (error instanceof BrokenInvariantError) {
      this.#options.fail(error);
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.#parts.rareNotes.tell(
      `a message of a peer could not be handled, and it is let go: ${reason}`,
      { event: 'unhandled-message', reason },
    );
    this.#step({ kind: 'malformed', connection, fault: 'exception', reason: UNHANDLED });
  }

  #steadyMs(): number {
    return this.#options.steadyMs?.() ?? this.#replica.nowMs();
  }

  #carryOut(output: Output): void {
    switch (output.kind) {
      case 'dial':
        this.#transport.dial(output.url);
        break;
      case 'send':
        this.#send(output);
        break;
      case 'close':
        this.#dropConnection(output.connection);
        this.#transport.close(output.connection, output.reason);
        break;
      case 'note':
        this.#options.note(output.level, output.text, output.facts);
        break;
      case 'take':
        this.#run(() => this.#parts.commits.take(output), output.connection);
        break;
      case 'takeSnapshot':
        this.#run(() => this.#parts.commits.takeSnapshot(output), output.connection);
        break;
      case 'admit':
        this.#run(() => this.#parts.commits.admit(output), output.connection);
        break;
      case 'retire':
        this.#run(() => this.#replica.membership.retire(output.origin));
        break;
      case 'closeOrigin':
        this.#run(() => this.#replica.membership.close(output.origin, output.lastSeq, output.by));
        break;
      case 'sayAgain':
        this.#run(() => this.#replica.membership.sayAgain(output.said));
        break;
      case 'announce':
        this.#run(() => this.#replica.membership.announce(output.value));
        break;
      case 'collect':
        // A lost op is decided by the rows of its key that this log still holds.
        if (this.#parts.offers.isDone) this.#run(() => this.#parts.commits.collect(output.stable));
        break;
      case 'horizon':
        this.#replica.forgetting.raiseHorizon(output.horizon);
        break;
      case 'answer':
        this.#run(() => this.#parts.answers.answer(output.connection, output), output.connection);
        break;
      case 'snapshot':
        this.#run(
          () => this.#parts.snapshots.send(output.connection, output.part, output.re),
          output.connection,
        );
        break;
      case 'judge':
        this.#inTurn(output, () => this.#parts.judges.take(output.connection, output.message));
        break;
      case 'deletes':
        this.#inTurn(output, () => this.#deletes(output));
        break;
      case 'misbehaved':
        this.#parts.border.misbehaved(output.connection, output.fault, output.reason);
        break;
      case 'disagrees':
        this.#counted.disagreements++;
        break;
      case 'postponed':
        this.#counted.joinsPostponed++;
        break;
      case 'heldMore':
        this.#parts.confirmRequests.confirmed();
        break;
      case 'repair':
        this.#parts.repairs.start(output.connection, output.asOf);
        break;
      case 'repairStep':
        this.#run(() => this.#repairStep(output), output.connection);
        break;
      case 'form':
        this.#run(() => this.#parts.lives.form(output.value));
        break;
      case 'welcome':
        this.#run(() => this.#parts.lives.welcome(output));
        break;
      case 'waits':
        this.#parts.gate.waits(output.reason);
        break;
      case 'ready':
        this.#parts.lives.ready(output.value);
        break;
      case 'rejoin':
        this.#parts.lives.rejoin(output, true);
        break;
      default:
        output satisfies never;
    }
  }

  /**
   * Logs a want of room, which a later round mends; any other failure stops the node.
   *
   * @param connection given if the action is only for that peer; then a failure ends this connection
   *   alone.
   */
  #run(action: () => Promise<void>, connection?: ConnectionId): void {
    const life = this.#parts.lives.number;
    action().catch((error: unknown) => {
      if (this.#stopped || life !== this.#parts.lives.number) return;
      if (error instanceof DamagedLogError)
        this.#parts.lives.rejoin(
          {
            reason: error.message,
            keep: true,
            ownOps: 'sound',
            isClaimed: false,
            leaves: [],
          },
          false,
        );
      // The node's health reports a full disk.
      else if (error instanceof DiskFullError) return;
      else if (error instanceof HearsayError && !(error instanceof BrokenInvariantError))
        this.#parts.rareNotes.tell(error.message, { event: 'not-done', reason: error.message });
      else if (connection !== undefined) this.#faultOf(connection, error);
      else this.#options.fail(error);
    });
  }

  /** Questions whose answers walk the map or the log wait for one another; answers to this node's own do not. */
  #inTurn(
    { connection, message }: OutputOf<'judge' | 'deletes'>,
    action: () => Promise<void>,
  ): void {
    const isAnswer = message.type === 'judged';
    this.#run(isAnswer ? action : () => this.#parts.turns.take(connection, action), connection);
  }

  #repairStep({ connection, from, message }: OutputOf<'repairStep'>): Promise<void> {
    return message.type === 'compare'
      ? this.#parts.compares.take(connection, from, message)
      : this.#parts.repairs.answered(connection, message);
  }

  /** A peer that reads nothing is still told who speaks, and why it is refused. */
  #send({ connection, message }: OutputOf<'send'>): void {
    if (message.type === 'digest' || message.type === 'level' || message.type === 'ask') {
      this.#counted.pulls++;
      this.#parts.pullTimes.asked(connection);
    }
    const text = encodeMessage(message);
    if (message.type === 'hello' || message.type === 'error')
      this.#transport.send(connection, text);
    else this.#parts.outbox.send(connection, text);
  }

  async #deletes({ connection, message }: OutputOf<'deletes'>): Promise<void> {
    const page = await deletesAfter(this.#replica.log, message.since, message.after);
    this.#parts.outbox.send(connection, encodeMessage({ type: 'deleted', ...page }));
  }

  #offer(): void {
    this.#run(async () => {
      await this.#parts.offers.offer();
      this.#parts.gate.openForWrites();
    });
  }
}
