/**
 * Carries out what the core decides: between the replica and the transport. Time, randomness and ids
 * come from outside; the simulator runs this very driver.
 */

import { deletesAfter } from '../../replica/deletes.ts';
import { type SetAside, setAside } from '../../replica/offer.ts';
import type { Committed, Replica } from '../../replica/replica.ts';
import type { DeltaOutcome } from '../../rules/decide.ts';
import type { Member } from '../../rules/members.ts';
import { DamagedLogError, DiskFullError, HearsayError } from '../../words/errors.ts';
import { RareNotes } from '../../words/rareNotes.ts';
import { Core } from '../protocol/core.ts';
import { type Digest, makeDigest } from '../protocol/digest.ts';
import type { Input, Output, View } from '../protocol/inputOutput.ts';
import {
  decodeMessage,
  encodeConfirmed,
  encodeDeleted,
  encodeDigest,
  encodeError,
  encodeHello,
  encodeLater,
  encodeNext,
  encodeRejoin,
} from '../protocol/messages.ts';
import { MalformedMessageError } from '../protocol/opCodec.ts';
import type { PeerStatus } from '../protocol/peerStatus.ts';
import type { Phase } from '../protocol/standing.ts';
import type { ConnectionId, Transport, TransportEvent } from '../transport.ts';
import { Answers } from './answers.ts';
import { AskedDeletes } from './askedDeletes.ts';
import { ClientGate } from './clientGate.ts';
import { ConfirmRequests } from './confirmRequests.ts';
import { type MemberStatus, memberStatuses } from './memberStatus.ts';
import { Offers } from './offers.ts';
import type { DriverOptions } from './options.ts';
import { pushTexts } from './pushes.ts';
import { Repairs } from './repairs.ts';
import { Snapshots } from './snapshots.ts';
import { viewOf } from './view.ts';

/** Dead entries looked at in one go: collecting never holds the event loop for long. */
const COLLECT_LIMIT = 10_000;

export class Driver {
  readonly #counts = {
    pushesSent: 0,
    pushesShed: 0,
    pulls: 0,
    opsReceived: 0,
    rejoins: 0,
    collected: 0,
  };
  readonly #options: DriverOptions;
  readonly #replica: Replica;
  readonly #transport: Transport;
  readonly #view: View;
  #core: Core;
  /** Grows with each new core: what an older one asked for is dropped. */
  #life = 0;
  readonly #connections = new Set<ConnectionId>();
  readonly #answers: Answers;
  readonly #snapshots: Snapshots;
  readonly #repairs: Repairs;
  readonly #askedDeletes: AskedDeletes;
  readonly #endCommits: () => void;
  readonly #confirmRequests: ConfirmRequests;
  readonly #offers: Offers;
  readonly #gate: ClientGate;
  readonly #rareNotes: RareNotes;
  #collecting = false;
  #changing: Promise<void> | null = null;
  #stopped = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#replica = options.replica;
    this.#transport = options.transport;
    this.#view = viewOf(options.replica);
    const { replica, pause, note, settings } = options;
    const send = (connection: ConnectionId, text: string): void => {
      if (!this.#stopped) this.#transport.send(connection, text);
    };
    const steadyMs = (): number => this.#steadyMs();
    this.#rareNotes = new RareNotes((text) => note('warn', text), steadyMs);
    this.#answers = new Answers({
      replica,
      send,
      digest: (connection) => this.#digest(connection),
      differs: (connection, origin) => this.#step({ kind: 'differs', connection, origin }),
    });
    this.#snapshots = new Snapshots({ replica, send, pause });
    this.#repairs = new Repairs({ replica, send, note });
    this.#askedDeletes = new AskedDeletes({
      send,
      isOpen: (connection) => this.#connections.has(connection),
      steadyMs,
      timeoutMs: settings.pullTimeoutMs,
    });
    this.#offers = new Offers(
      {
        replica,
        note,
        steadyMs,
        peers: () =>
          this.#core.pushTargets().map((connection) => this.#askedDeletes.of(connection)),
        done: async () => {
          if (this.#changing === null) await options.logs.dropSetAside();
        },
      },
      options.setAside ?? [],
    );
    const { joinTimeoutMs } = settings;
    const { readiness } = replica;
    this.#gate = new ClientGate({ readiness, offers: this.#offers, steadyMs, joinTimeoutMs });
    this.#confirmRequests = new ConfirmRequests({
      ownSeq: () => replica.record(replica.origin).seq,
      sendToPeers: (text) => {
        if (this.#changing === null)
          for (const connection of this.#core.pushTargets()) send(connection, text);
      },
    });
    this.#core = this.#newCore();
    this.#transport.listen((event) => this.#onTransport(event));
    this.#endCommits = options.replica.onCommit((committed) => this.#push(committed));
  }

  /** To be called a few times a second: dials, pulls and collects what is due. */
  tick(): void {
    this.#step({ kind: 'tick' });
    if (this.#gate.isReady && this.#offers.isDue) this.#offer();
    this.#gate.openForWrites();
    this.#askedDeletes.tick();
  }

  /** Totals since the start, for metrics. */
  get counts() {
    const { begun: snapshotsSent } = this.#snapshots;
    return { ...this.#counts, snapshotsSent, repaired: this.#repairs.repaired };
  }

  get phase(): Phase {
    return this.#core.phase;
  }

  status(): PeerStatus[] {
    return this.#core.status();
  }

  /** How many peers have committed this node's own op of that seq. */
  count(seq: number): number {
    return this.#core.acks(seq);
  }

  /** Asks the peers to say at once when they have committed what this node has; once a turn. */
  ask(): void {
    this.#confirmRequests.ask();
  }

  /** Told whenever a peer has committed more of this node's own ops. @returns what ends it. */
  onConfirmed(listener: () => void): () => void {
    return this.#confirmRequests.onConfirmed(listener);
  }

  /** Origins of which two different ops bear one id, and whose nodes have not rejoined yet. */
  forked(): string[] {
    return [...this.#core.forked].filter((origin) => !this.#view.members.isRetired(origin));
  }

  members(): MemberStatus[] {
    const nowMs = this.#replica.nowMs();
    return memberStatuses(this.#view, this.#core, nowMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endCommits();
    await this.#transport.stop();
    await this.#changing;
  }

  #newCore(): Core {
    this.#life++;
    const { settings, random } = this.#options;
    this.#gate.begin(this.#view.joined);
    const { past } = this.#offers;
    return new Core(settings, this.#view, random, this.#replica.nowMs(), this.#steadyMs(), past);
  }

  #onTransport(event: TransportEvent): void {
    if (event.kind === 'message') {
      this.#onMessage(event.connection, event.text);
      return;
    }
    if (event.kind === 'opened' && this.#changing !== null) {
      // The next core would never hear of it, and the peer wait in vain for a hello.
      this.#transport.close(event.connection, 'the node goes on under another origin');
      return;
    }
    if (event.kind === 'opened') this.#connections.add(event.connection);
    if (event.kind === 'closed') this.#dropConnection(event.connection);
    this.#step(event);
  }

  #onMessage(connection: ConnectionId, text: string): void {
    if (!this.#connections.has(connection)) return;
    try {
      this.#step({ kind: 'message', connection, message: decodeMessage(text) });
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
      this.#step({ kind: 'malformed', connection, reason: error.message });
    }
  }

  #dropConnection(connection: ConnectionId): void {
    this.#connections.delete(connection);
    this.#askedDeletes.answered(connection, null);
    this.#answers.drop(connection);
    this.#snapshots.drop(connection);
  }

  #step(input: Input): void {
    if (this.#stopped || this.#changing !== null) return;
    const outputs = this.#core.step(input, this.#replica.nowMs(), this.#steadyMs());
    for (const output of outputs) this.#carryOut(output);
  }

  #steadyMs(): number {
    return this.#options.steadyMs?.() ?? this.#replica.nowMs();
  }

  #carryOut(output: Output): void {
    switch (output.kind) {
      case 'dial':
        this.#transport.dial(output.url);
        break;
      case 'hello':
        this.#transport.send(output.connection, encodeHello(output.hello));
        break;
      case 'error':
        this.#transport.send(output.connection, encodeError(output.error));
        break;
      case 'close':
        this.#dropConnection(output.connection);
        this.#transport.close(output.connection, output.reason);
        break;
      case 'pull':
        this.#counts.pulls++;
        this.#transport.send(output.connection, encodeDigest(this.#digest(output.connection)));
        break;
      case 'answer':
        this.#run(() => this.#answers.answer(output.connection, output.digest));
        break;
      case 'later':
        this.#transport.send(output.connection, encodeLater());
        break;
      case 'next':
        this.#transport.send(output.connection, encodeNext(output.part));
        break;
      case 'confirmed':
        this.#transport.send(output.connection, encodeConfirmed(output.seq));
        break;
      case 'heldMore':
        this.#confirmRequests.confirmed();
        break;
      case 'tellToRejoin':
        this.#transport.send(output.connection, encodeRejoin(output.message));
        break;
      case 'take':
        this.#run(() => this.#take(output));
        break;
      case 'note':
        this.#options.note(output.level, output.text);
        break;
      case 'horizon':
        this.#replica.forgetting.raiseHorizon(output.horizon);
        break;
      default:
        this.#carryOutRare(output);
    }
  }

  #carryOutRare(output: RareOutput): void {
    switch (output.kind) {
      case 'admit':
        this.#run(() => this.#admit(output));
        break;
      case 'snapshot':
        this.#run(() => this.#snapshots.send(output.connection, output.part));
        break;
      case 'takeSnapshot':
        this.#run(() => this.#takeSnapshot(output));
        break;
      case 'form':
        this.#run(() => this.#form(output.value));
        break;
      case 'welcome':
        this.#run(() => this.#welcome(output));
        break;
      case 'ready':
        this.#ready(output.value);
        break;
      case 'retire':
        this.#run(() => this.#replica.membership.retire(output.origin));
        break;
      case 'collect':
        this.#run(() => this.#collect(output.stable));
        break;
      case 'repair':
        this.#repairs.start(output.connection, this.#digest(output.connection).asOf);
        break;
      case 'deletes':
        this.#run(() => this.#deletes(output));
        break;
      case 'repairStep':
        this.#run(() => this.#repairs.step(output.connection, output.message));
        break;
      case 'rejoin':
        this.#rejoin(output, true);
        break;
    }
  }

  /** What goes wrong for want of room is told and tried again by a later round; the rest stops the node. */
  #run(action: () => Promise<void>): void {
    const life = this.#life;
    action().catch((error: unknown) => {
      if (this.#stopped || life !== this.#life) return;
      if (error instanceof DamagedLogError)
        this.#rejoin({ reason: error.message, keep: true, ownOps: 'sound' }, false);
      // That the disk is full, whoever runs the node tells.
      else if (error instanceof DiskFullError) return;
      else if (error instanceof HearsayError) this.#rareNotes.tell(error.message);
      else this.#options.fail(error);
    });
  }

  /** A copy, so that what it says stays what it was when it was made. */
  #digest(connection: ConnectionId): Digest {
    const aheadMs = this.#options.settings.maxClockSkewMs;
    return makeDigest(
      this.#view,
      this.#replica.nowMs(),
      aheadMs,
      this.#core.listsRetired(connection),
    );
  }

  // ---- where this node stands

  async #form(value: string): Promise<void> {
    await this.#orFailed(this.#replica.membership.form(this.#options.newId(), value));
    this.#options.note('info', `this node formed the cluster ${this.#view.clusterId}`);
    this.#hasJoined();
  }

  async #welcome({ clusterId, sponsor, formedAt }: OutputOf<'welcome'>): Promise<void> {
    await this.#orFailed(this.#replica.membership.welcome(clusterId, sponsor, String(formedAt)));
    this.#options.note(
      'info',
      `this node has joined the cluster ${clusterId}, let in by ${sponsor}`,
    );
    this.#hasJoined();
  }

  #hasJoined(): void {
    this.#gate.joined();
    this.#step({ kind: 'joined' });
  }

  async #orFailed(joining: Promise<void>): Promise<void> {
    try {
      await joining;
    } catch (error) {
      this.#step({ kind: 'joinFailed' });
      throw error;
    }
  }

  async #deletes({ connection, message }: OutputOf<'deletes'>): Promise<void> {
    if (message.type === 'deleted') {
      this.#askedDeletes.answered(connection, message);
      return;
    }
    const page = await deletesAfter(this.#replica.log, message.since, message.after);
    this.#transport.send(connection, encodeDeleted({ type: 'deleted', ...page }));
  }

  /** Rules 5 and 12: a log whose tail may be gone goes on under a new origin, once it has caught up. */
  #ready(value: string): void {
    if (this.#replica.header.facts.renewOrigin !== 'yes') {
      this.#gate.ready();
      if (!this.#offers.isDone) this.#offer();
      return;
    }
    this.#change(async () => {
      await this.#replica.membership.renewOrigin(this.#options.newOrigin(), value);
    });
  }

  #offer(): void {
    this.#run(async () => {
      await this.#offers.offer();
      this.#gate.openForWrites();
    });
  }

  /** @param forOthers for what a peer said, or another told of it; not for what was found here. */
  #rejoin({ reason, keep, ownOps }: Omit<OutputOf<'rejoin'>, 'kind'>, forOthers: boolean): void {
    this.#counts.rejoins++;
    this.#options.note('warn', `this node rejoins: ${reason}`);
    // The new log knows nobody, and NODES need not name anybody who is still there.
    const known = [...this.#view.members.all()].filter(
      (member) => member.origin !== this.#view.origin,
    );
    this.#gate.giveUp();
    this.#change(async () => {
      await this.#replica.suspend();
      // Even where nothing is kept: its sponsor has logged the old origin's join, which only a retire ends.
      const { origin, header } = this.#replica;
      // Half a snapshot is no log: nobody could open it again, and it holds nothing of this node's own.
      const keeps = keep && header.facts.snapshotUnderWay !== 'yes';
      const aside = keeps ? setAside(this.#replica, ownOps) : nothingOf(origin);
      this.#offers.add({ ...aside, hadOthers: aside.hadOthers || forOthers });
      await this.#replica.adopt(await this.#options.logs.renew(keeps));
    }, known);
  }

  /**
   * Ends all connections, changes the log under the replica, and starts with a new core.
   *
   * @param known whom that dials beside those it is configured with.
   */
  #change(change: () => Promise<void>, known: readonly Member[] = []): void {
    this.#life++;
    this.#gate.change();
    for (const connection of this.#connections) {
      this.#transport.close(connection, 'the node goes on under another origin');
      this.#dropConnection(connection);
    }
    this.#changing = change()
      .then(() => {
        this.#changing = null;
        this.#core = this.#newCore();
        this.#core.remember(known);
      })
      .catch((error: unknown) => {
        this.#changing = null;
        if (!this.#stopped) this.#options.fail(error);
      });
  }

  async #collect(stable: OutputOf<'collect'>['stable']): Promise<void> {
    if (this.#collecting) return;
    this.#collecting = true;
    try {
      this.#counts.collected += (
        await this.#replica.forgetting.collect(stable, COLLECT_LIMIT)
      ).length;
    } finally {
      this.#collecting = false;
    }
  }

  async #admit({ connection, origin, value, digest }: OutputOf<'admit'>): Promise<void> {
    await this.#replica.membership.admit(origin, value);
    this.#step({ kind: 'admitted', connection, digest });
  }

  async #takeSnapshot({ connection, part, rows, end }: OutputOf<'takeSnapshot'>): Promise<void> {
    let ok = true;
    try {
      await this.#replica.incomingSnapshot.takeRows(rows);
      if (end !== null) await this.#replica.incomingSnapshot.finish(end);
    } catch (error) {
      if (!(error instanceof HearsayError)) throw error;
      this.#options.note('warn', error.message);
      ok = false;
    }
    this.#step({ kind: 'tookSnapshot', connection, part, ended: end !== null, ok });
  }

  /** In the turn of the event loop that committed: to every peer whose socket keeps up. */
  #push({ rows, origin }: Committed): void {
    const own = rows.filter(({ row }) => row.op.origin === origin);
    if (own.length === 0) return;
    const peers = this.#core.pushTargets();
    if (peers.length === 0) return;
    const { limits } = this.#replica;
    for (const text of pushTexts(own, this.#replica.record(origin).sum, limits)) {
      for (const connection of peers) {
        if (this.#transport.bufferedBytes(connection) > limits.maxPeerBufferBytes)
          this.#counts.pushesShed++;
        else if (!this.#options.losePush?.()) {
          this.#counts.pushesSent++;
          this.#transport.send(connection, text);
        }
      }
    }
  }

  // ---- deltas in

  async #take({ connection, delta, wasAnswer, more }: OutputOf<'take'>): Promise<void> {
    const outcome = await this.#receive(delta);
    if (outcome.kind === 'applied') this.#counts.opsReceived += outcome.ops;
    this.#step({ kind: 'taken', connection, outcome, wasAnswer, more });
  }

  /** A full queue or disk refuses a delta; nothing is lost, since a pull brings it again. */
  async #receive(delta: OutputOf<'take'>['delta']): Promise<DeltaOutcome | { kind: 'refused' }> {
    if (delta.ranges.length === 0) return { kind: 'applied', ops: 0 };
    try {
      return await this.#replica.receive(delta);
    } catch (error) {
      if (!(error instanceof HearsayError)) throw error;
      this.#rareNotes.tell(`ops of a peer are not taken now: ${error.message}`);
      return { kind: 'refused' };
    }
  }
}

const nothingOf = (origin: string): SetAside => ({
  origin,
  entries: [],
  trustedSeq: 0,
  sums: new Map(),
  hadOthers: false,
  isRetired: true,
});

type OutputOf<Kind extends Output['kind']> = Extract<Output, { kind: Kind }>;
type RareOutput = OutputOf<
  | 'admit'
  | 'snapshot'
  | 'takeSnapshot'
  | 'form'
  | 'welcome'
  | 'ready'
  | 'retire'
  | 'collect'
  | 'repair'
  | 'repairStep'
  | 'deletes'
  | 'rejoin'
>;
