/**
 * Carries out what the core decides: between the replica and the transport. Time, randomness and ids
 * come from outside; the simulator runs this very driver.
 */
import type { DeltaOutcome } from '../decide.ts';
import { DamagedLogError, HearsayError } from '../errors.ts';
import { add, carriedHash, type Hash, sameHash, subtract, ZERO } from '../hash.ts';
import type { Log } from '../log/log.ts';
import type { Member } from '../members.ts';
import type { RecentRow } from '../recent.ts';
import { viewOf } from '../replica/coreView.ts';
import { type AskDeletes, type DeletesPage, deletesAfter } from '../replica/deletes.ts';
import { type ChunkEnds, deltaFor } from '../replica/deltaFor.ts';
import { offerAgain, type SetAside, setAside } from '../replica/offer.ts';
import { SnapshotSource } from '../replica/snapshotSource.ts';
import type { Committed, Replica } from '../replica.ts';
import type { Vector } from '../vector.ts';
import { encodeOp, MalformedMessageError } from './codec.ts';
import { Core } from './core.ts';
import { type Digest, makeDigest } from './digest.ts';
import type { CoreSettings, Input, Output, View } from './interface.ts';
import {
  type ComparedMessage,
  type CompareMessage,
  decodeMessage,
  encodeCompare,
  encodeCompared,
  encodeConfirm,
  encodeConfirmed,
  encodeDeleted,
  encodeDeletes,
  encodeDelta,
  encodeDigest,
  encodeError,
  encodeHello,
  encodeLater,
  encodeNext,
  encodeRejoin,
  encodeSnapshot,
} from './messages.ts';
import type { Random } from './random.ts';
import {
  bucketCount,
  bucketSums,
  differingBuckets,
  entriesOf,
  entriesToBearAgain,
} from './repair.ts';
import type { Phase } from './standing.ts';
import type { PeerStatus } from './status.ts';
import type { ConnectionId, Transport, TransportEvent } from './transport.ts';

export interface DriverOptions {
  readonly replica: Replica;
  readonly transport: Transport;
  readonly settings: CoreSettings;
  readonly random: Random;
  /**
   * Milliseconds that go on evenly while wall clocks are set: what intervals are measured by. The
   * replica's clock where it is not given.
   */
  readonly steadyMs?: () => number;
  /** For the node's own log. */
  readonly note: (level: 'info' | 'warn', text: string) => void;
  /** A new random id, of a cluster. */
  readonly newId: () => string;
  /** A new origin for this node. */
  readonly newOrigin: () => string;
  readonly logs: LogChanges;
  /** What an earlier rejoin had set aside and not yet offered again. */
  readonly setAside?: readonly SetAside[];
  /** The node can not go on: an invariant is broken or a log can not be opened. */
  readonly fail: (error: unknown) => void;
  /** Only for tests: whether to lose this push. */
  readonly losePush?: () => boolean;
}

/** What rule 12 does with the files of the log. */
export interface LogChanges {
  /**
   * Closes the log and opens an empty one under a new origin.
   *
   * @param keep whether the old one is set aside until `dropSetAside`, or thrown away.
   */
  renew(keep: boolean): Promise<Log>;
  /** What was set aside has been offered again. */
  dropSetAside(): Promise<void>;
}

/** What the driver counts, for metrics. */
export interface DriverCounts {
  pushesSent: number;
  pushesShed: number;
  pulls: number;
  opsReceived: number;
  snapshotsSent: number;
  rejoins: number;
  collected: number;
  repaired: number;
}

/** One answer at a time goes to a peer; of the digests that come meanwhile the last is answered. */
interface Answering {
  readonly ends: ChunkEnds;
  busy: boolean;
  next: Digest | null;
}

/** A snapshot on its way to a peer; the last part is kept until the next is asked for. */
interface Sending {
  readonly source: SnapshotSource;
  part: number;
  text: string;
  busy: boolean;
}

interface Asked {
  /** By the time that intervals are measured by. */
  readonly until: number;
  readonly settle: (page: DeletesPage | null) => void;
}

/** A member as `GET /_cluster` shows it. */
export interface MemberStatus extends Member {
  /** UTC milliseconds. */
  readonly lastHeardAt: number;
  /** Whether its settled vector is what keeps the stable vector from moving on. */
  readonly holdsBack: boolean;
  /** Up to where it has acknowledged everything that we hold; null before it has. */
  readonly acknowledged: Vector | null;
}

/** Dead entries looked at in one go: collecting never holds the event loop for long. */
const COLLECT_LIMIT = 10_000;
/** Differing buckets settled in one go; the next comparison goes on with the others. */
const BUCKETS_A_REPAIR = 16;
const OFFER_RETRY_MS = 2000;
const NOT_JOINED = 'it has not joined its cluster yet';
const CATCHING_UP = 'it is catching up with its peers after a start';

export class Driver {
  readonly counts: DriverCounts = {
    pushesSent: 0,
    pushesShed: 0,
    pulls: 0,
    opsReceived: 0,
    snapshotsSent: 0,
    rejoins: 0,
    collected: 0,
    repaired: 0,
  };
  readonly #options: DriverOptions;
  readonly #replica: Replica;
  readonly #transport: Transport;
  readonly #view: View;
  #core: Core;
  /** Grows with each new core: what an older one asked for is dropped. */
  #life = 0;
  readonly #connections = new Set<ConnectionId>();
  readonly #answering = new Map<ConnectionId, Answering>();
  readonly #sending = new Map<ConnectionId, Sending>();
  readonly #endCommits: () => void;
  readonly #confirmedListeners = new Set<() => void>();
  #asksToConfirm = false;
  #setAside: SetAside[];
  /** Peers that owe a page of deletes. */
  readonly #asked = new Map<ConnectionId, Asked>();
  #collecting = false;
  #offering = false;
  /** An offer that found no room is made again from then on. */
  #nextOfferAt = 0;
  #changing: Promise<void> | null = null;
  #stopped = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#replica = options.replica;
    this.#transport = options.transport;
    this.#view = viewOf(options.replica);
    this.#setAside = [...(options.setAside ?? [])];
    this.#core = this.#newCore();
    this.#transport.listen((event) => this.#onTransport(event));
    this.#endCommits = options.replica.onCommit((committed) => this.#push(committed));
  }

  /** To be called a few times a second: dials, pulls and collects what is due. */
  tick(): void {
    this.#step({ kind: 'tick' });
    const isDue = this.#setAside.length > 0 && this.#steadyMs() >= this.#nextOfferAt;
    if (isDue && this.#core.phase === 'ready' && this.#replica.notWritable === null)
      this.#run(() => this.#offer());
    for (const { until, settle } of this.#asked.values())
      if (this.#steadyMs() > until) settle(null);
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
    if (this.#asksToConfirm) return;
    this.#asksToConfirm = true;
    queueMicrotask(() => {
      this.#asksToConfirm = false;
      if (this.#stopped || this.#changing !== null) return;
      const text = encodeConfirm(this.#replica.record(this.#replica.origin).seq);
      for (const connection of this.#core.pushTargets()) this.#transport.send(connection, text);
    });
  }

  /** Told whenever a peer has committed more of this node's own ops. @returns what ends it. */
  onConfirmed(listener: () => void): () => void {
    this.#confirmedListeners.add(listener);
    return () => this.#confirmedListeners.delete(listener);
  }

  /** Origins of which two different ops bear one id, and whose nodes have not rejoined yet. */
  forked(): string[] {
    return [...this.#core.forked].filter((origin) => !this.#view.members.isRetired(origin));
  }

  members(): MemberStatus[] {
    const { stability } = this.#core;
    const { members, origin, vector } = this.#view;
    const clocks = [...members.all()].map((member) =>
      member.origin === origin
        ? Number.POSITIVE_INFINITY
        : (stability.settledClockOf(member.origin) ?? 0),
    );
    const slowest = Math.min(...clocks);
    return [...members.all()].map((member, index) => ({
      ...member,
      lastHeardAt:
        member.origin === origin ? this.#replica.nowMs() : this.#core.lastHeardAt(member.origin),
      holdsBack: member.origin !== origin && clocks[index] === slowest,
      acknowledged:
        member.origin === origin ? vector : (stability.settledOf(member.origin) ?? null),
    }));
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
    this.#replica.notWritable = this.#view.joined ? CATCHING_UP : NOT_JOINED;
    return new Core(settings, this.#view, random, this.#replica.nowMs(), this.#steadyMs());
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
    this.#asked.get(connection)?.settle(null);
    this.#answering.delete(connection);
    this.#sending.delete(connection);
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
        this.counts.pulls++;
        this.#transport.send(output.connection, encodeDigest(this.#digest(output.connection)));
        break;
      case 'answer':
        this.#run(() => this.#answer(output.connection, output.digest));
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
        for (const listener of this.#confirmedListeners) listener();
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
        this.#replica.raiseHorizon(output.horizon);
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
        this.#run(() => this.#sendSnapshot(output.connection, output.part));
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
        this.#run(() => this.#replica.retire(output.origin));
        break;
      case 'collect':
        this.#run(() => this.#collect(output.stable));
        break;
      case 'repair':
        this.#startRepair(output.connection);
        break;
      case 'deletes':
        this.#run(() => this.#deletes(output));
        break;
      case 'repairStep':
        this.#run(() => this.#repairStep(output.connection, output.message));
        break;
      case 'rejoin':
        this.#rejoin(output);
        break;
    }
  }

  /** What goes wrong for want of room is told and tried again by a later round; the rest stops the node. */
  #run(action: () => Promise<void>): void {
    const life = this.#life;
    action().catch((error: unknown) => {
      if (this.#stopped || life !== this.#life) return;
      if (error instanceof DamagedLogError)
        this.#rejoin({ reason: error.message, keep: true, origin: 'sound' });
      else if (error instanceof HearsayError) this.#options.note('warn', error.message);
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
    await this.#orFailed(this.#replica.form(this.#options.newId(), value));
    this.#options.note('info', `this node formed the cluster ${this.#view.clusterId}`);
    this.#step({ kind: 'joined' });
  }

  async #welcome({ clusterId, sponsor, formedAt }: OutputOf<'welcome'>): Promise<void> {
    await this.#orFailed(this.#replica.welcome(clusterId, sponsor, String(formedAt)));
    this.#options.note(
      'info',
      `this node has joined the cluster ${clusterId}, let in by ${sponsor}`,
    );
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

  /** Rule 12: what was set aside comes back as ordinary PUTs. */
  async #offer(): Promise<void> {
    if (this.#offering) return;
    this.#offering = true;
    this.#nextOfferAt = this.#steadyMs() + OFFER_RETRY_MS;
    try {
      await this.#offerAll();
    } finally {
      this.#offering = false;
    }
  }

  async #offerAll(): Promise<void> {
    const welcoming = new Map(this.#replica.vector);
    for (let aside = this.#setAside[0]; aside !== undefined; aside = this.#setAside[0]) {
      const { note } = this.#options;
      const peers = this.#core.pushTargets().map((connection) => this.#asking(connection));
      await offerAgain(this.#replica, aside, welcoming, peers, note);
      if (this.#setAside[0] === aside) this.#setAside.shift();
    }
    if (this.#changing === null) await this.#options.logs.dropSetAside();
  }

  /** Asks a peer for the deletes in its log. */
  #asking(connection: ConnectionId): AskDeletes {
    return (since, after) =>
      new Promise((resolve) => {
        const settle = (page: DeletesPage | null): void => {
          this.#asked.delete(connection);
          resolve(page);
        };
        if (!this.#connections.has(connection)) return settle(null);
        const until = this.#steadyMs() + this.#options.settings.pullTimeoutMs;
        this.#asked.set(connection, { until, settle });
        this.#transport.send(connection, encodeDeletes({ type: 'deletes', since, after }));
      });
  }

  async #deletes({ connection, message }: OutputOf<'deletes'>): Promise<void> {
    if (message.type === 'deleted') {
      this.#asked.get(connection)?.settle(message);
      return;
    }
    const page = await deletesAfter(this.#replica.log, message.since, message.after);
    this.#transport.send(connection, encodeDeleted({ type: 'deleted', ...page }));
  }

  /** Rules 5 and 12: a log whose tail may be gone goes on under a new origin, once it has caught up. */
  #ready(value: string): void {
    if (this.#replica.header.facts.renewOrigin !== 'yes') {
      this.#replica.notWritable = null;
      this.#run(() => this.#offer());
      return;
    }
    this.#change(async () => {
      await this.#replica.renewOrigin(this.#options.newOrigin(), value);
    });
  }

  #rejoin({ reason, keep, origin: state }: Omit<OutputOf<'rejoin'>, 'kind'>): void {
    this.counts.rejoins++;
    this.#options.note('warn', `this node rejoins: ${reason}`);
    // The new log knows nobody, and NODES need not name anybody who is still there.
    const known = [...this.#view.members.all()].filter(
      (member) => member.origin !== this.#view.origin,
    );
    this.#change(async () => {
      await this.#replica.suspend();
      // Even where nothing is kept: its sponsor has logged the old origin's join, which only a retire ends.
      const { origin, header } = this.#replica;
      // Half a snapshot is no log: nobody could open it again, and it holds nothing of this node's own.
      const keeps = keep && header.facts.snapshotUnderWay !== 'yes';
      const nothing = { origin, entries: [], trustedSeq: 0, isRetired: true };
      this.#setAside.push(keeps ? setAside(this.#replica, state) : nothing);
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
    this.#replica.notWritable = NOT_JOINED;
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
      this.counts.collected += (await this.#replica.collect(stable, COLLECT_LIMIT)).length;
    } finally {
      this.#collecting = false;
    }
  }

  async #admit({ connection, origin, value, digest }: OutputOf<'admit'>): Promise<void> {
    await this.#replica.admit(origin, value);
    this.#step({ kind: 'admitted', connection, digest });
  }

  // ---- snapshots

  async #sendSnapshot(connection: ConnectionId, part: number): Promise<void> {
    let sending = this.#sending.get(connection);
    if (part === 0 && sending === undefined) {
      const { maxDeltaOps, maxDeltaBytes } = this.#replica.limits;
      const source = new SnapshotSource(this.#replica, {
        maxRows: maxDeltaOps,
        maxBytes: maxDeltaBytes,
      });
      sending = { source, part: -1, text: '', busy: false };
      this.#sending.set(connection, sending);
      this.counts.snapshotsSent++;
    }
    if (sending === undefined || sending.busy) return;
    if (part === sending.part + 1) {
      sending.busy = true;
      const made = await sending.source.next();
      sending.busy = false;
      if (this.#sending.get(connection) !== sending) return;
      if (made === undefined) {
        this.#sending.delete(connection); // overtaken by compaction: the peer times out and starts again
        return;
      }
      sending.part = part;
      sending.text = encodeSnapshot(part, made.rows, made.end);
    }
    if (part === sending.part) this.#transport.send(connection, sending.text);
  }

  async #takeSnapshot({ connection, part, rows, end }: OutputOf<'takeSnapshot'>): Promise<void> {
    let ok = true;
    try {
      await this.#replica.receiveSnapshotRows(rows);
      if (end !== null) await this.#replica.finishSnapshot(end);
    } catch (error) {
      if (!(error instanceof HearsayError)) throw error;
      this.#options.note('warn', error.message);
      ok = false;
    }
    this.#step({ kind: 'tookSnapshot', connection, part, ended: end !== null, ok });
  }

  // ---- repair (rule 11)

  #startRepair(connection: ConnectionId): void {
    const { asOf } = this.#digest(connection);
    const buckets = bucketCount(this.#replica.map.size);
    const message = { type: 'compare', asOf, buckets, bucket: null } as const;
    this.#transport.send(connection, encodeCompare(message));
  }

  async #repairStep(
    connection: ConnectionId,
    message: CompareMessage | ComparedMessage,
  ): Promise<void> {
    const { map } = this.#replica;
    const { asOf, buckets, bucket } = message;
    if (message.type === 'compare') {
      const sums = bucket === null ? bucketSums(map.entries(), asOf, buckets) : [];
      const entries = bucket === null ? [] : entriesOf(map.entries(), buckets, bucket);
      const reply = { type: 'compared', asOf, buckets, bucket, sums, entries } as const;
      this.#transport.send(connection, encodeCompared(reply));
      return;
    }
    if (bucket === null) {
      const ours = bucketSums(map.entries(), asOf, buckets);
      for (const differing of differingBuckets(ours, message.sums).slice(0, BUCKETS_A_REPAIR))
        this.#transport.send(
          connection,
          encodeCompare({ type: 'compare', asOf, buckets, bucket: differing }),
        );
      return;
    }
    const again = entriesToBearAgain(
      entriesOf(map.entries(), buckets, bucket),
      message.entries,
      asOf,
    );
    if (again.length === 0) return;
    this.counts.repaired += again.length;
    this.#options.note(
      'warn',
      `a repair writes ${again.length} entries again that a peer had lost`,
    );
    await this.#replica.bearAgain(again);
  }

  // ---- deltas out

  async #answer(connection: ConnectionId, digest: Digest): Promise<void> {
    const answering = this.#answering.get(connection) ?? {
      ends: new Map(),
      busy: false,
      next: null,
    };
    this.#answering.set(connection, answering);
    answering.next = digest;
    if (answering.busy) return;
    answering.busy = true;
    try {
      while (answering.next !== null && this.#answering.get(connection) === answering) {
        const { vector, sums } = answering.next;
        answering.next = null;
        // Before the ops are read: the answer must hold all that its digest says.
        const digest = this.#digest(connection);
        const delta = await deltaFor(this.#replica, vector, answering.ends);
        for (const [origin, sum] of delta.sumsBefore)
          if (!sameHash(sum, sums.get(origin) ?? ZERO))
            this.#step({ kind: 'differs', connection, origin });
        if (this.#stopped || !this.#connections.has(connection)) return;
        const answer = { digest, more: delta.more };
        this.#transport.send(connection, encodeDelta(delta.ranges, delta.wireOps, answer));
      }
    } finally {
      answering.busy = false;
    }
  }

  /** In the turn of the event loop that committed: to every peer whose socket keeps up. */
  #push({ rows, origin }: Committed): void {
    const own = rows.filter(({ row }) => row.op.origin === origin);
    if (own.length === 0) return;
    const peers = this.#core.pushTargets();
    if (peers.length === 0) return;
    for (const text of this.#pushTexts(own, this.#replica.record(origin).sum)) {
      for (const connection of peers) {
        if (this.#transport.bufferedBytes(connection) > this.#replica.limits.maxPeerBufferBytes)
          this.counts.pushesShed++;
        else if (!this.#options.losePush?.()) {
          this.counts.pushesSent++;
          this.#transport.send(connection, text);
        }
      }
    }
  }

  /** @param sumAtEnd the sum of the origin's ops up to the last of these. */
  #pushTexts(rows: readonly RecentRow[], sumAtEnd: Hash): string[] {
    const { maxDeltaOps, maxDeltaBytes } = this.#replica.limits;
    let sum = sumAtEnd;
    for (const { row } of rows) sum = subtract(sum, carriedHash(row.op));
    const texts: string[] = [];
    let wireOps: string[] = [];
    let bytes = 0;
    for (const [index, one] of rows.entries()) {
      one.wire ??= encodeOp(one.row.op);
      wireOps.push(one.wire);
      bytes += one.wire.length;
      sum = add(sum, carriedHash(one.row.op));
      const { origin, seq: to } = one.row.op;
      if (wireOps.length < maxDeltaOps && bytes < maxDeltaBytes && index < rows.length - 1)
        continue;
      texts.push(encodeDelta([{ origin, after: to - wireOps.length, to, sum }], wireOps, null));
      wireOps = [];
      bytes = 0;
    }
    return texts;
  }

  // ---- deltas in

  async #take({ connection, delta, wasAnswer, more }: OutputOf<'take'>): Promise<void> {
    const outcome = await this.#receive(delta);
    if (outcome.kind === 'applied') this.counts.opsReceived += outcome.ops;
    this.#step({ kind: 'taken', connection, outcome, wasAnswer, more });
  }

  /** A full queue or disk refuses a delta; nothing is lost, since a pull brings it again. */
  async #receive(delta: OutputOf<'take'>['delta']): Promise<DeltaOutcome | { kind: 'refused' }> {
    if (delta.ranges.length === 0) return { kind: 'applied', ops: 0 };
    try {
      return await this.#replica.receive(delta);
    } catch (error) {
      if (!(error instanceof HearsayError)) throw error;
      this.#options.note('warn', `ops of a peer are not taken now: ${error.message}`);
      return { kind: 'refused' };
    }
  }
}

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
