/**
 * One connection, and this node's knowledge of the peer at its other end. It changes by named
 * transitions only.
 */
import type { Hash } from '../../words/hash.ts';
import { ensure } from '../../words/invariant.ts';
import type { OpId } from '../../words/op.ts';
import type { Vector } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import type { Digest, ReadDigest } from './digest.ts';
import { Link } from './link.ts';
import {
  CLOSING_PROTOCOL,
  type Hello,
  MESH_PROTOCOL,
  PROTOCOL_WITH_NAMED_ANSWERS,
  SAME_PROTOCOL,
} from './messages.ts';
import { Pull } from './pull.ts';

/** After so many digests in a row that show that the two have closed different origins, all are listed. */
const DIFFERENCES_TO_LIST_ALL = 3;
/** After so many, pairs are tried again: the two may have closed the same by then. */
const DIFFERENCES_TO_TRY_PAIRS = 30;

export class Peer {
  readonly connection: ConnectionId;
  /** The URL that this node dialled; null where the peer dialled. */
  readonly dialledUrl: string | null;
  readonly openedAt: number;
  readonly pull = new Pull();
  readonly link = new Link();
  #hello: Hello | null = null;
  #lastHeardAt: number;
  #digest: Digest | null = null;
  #digestIsExact = false;
  #logIsEmpty = false;
  #digestAt = Number.NEGATIVE_INFINITY;
  #listRetired = false;
  #lackedClosed: OpId | null = null;
  #closingsDiffered = 0;
  #agrees: boolean | null = null;
  #disagreements = 0;
  #answerVector: Vector | null = null;
  #snapshotPart: number | null = null;
  #takesSnapshot = false;
  #confirmSeq: number | null = null;
  #levelHash: Hash | null = null;
  #lastShown: Digest | null = null;
  #lastTold: readonly Digest[] = [];
  #mayHoldTheSame = true;

  constructor(connection: ConnectionId, dialledUrl: string | null, nowMs: number) {
    this.connection = connection;
    this.dialledUrl = dialledUrl;
    this.openedAt = nowMs;
    this.#lastHeardAt = nowMs;
  }

  // ---- who it is

  /** Its last hello; null before the first, and never again after that. */
  get hello(): Hello | null {
    return this.#hello;
  }

  get lastHeardAt(): number {
    return this.#lastHeardAt;
  }

  greets(hello: Hello): void {
    ensure(
      this.#hello === null || this.#hello.origin === hello.origin,
      'a connection leads to one origin',
    );
    this.#hello = hello;
  }

  heard(nowMs: number): void {
    this.#lastHeardAt = nowMs;
  }

  // ---- what it holds

  /** Its last digest, as `readDigest` completes it; null before the first. */
  get digest(): Digest | null {
    return this.#digest;
  }

  /**
   * Whether the vector of that digest is exactly the peer's; otherwise a part of it is assumed to equal
   * ours.
   */
  get digestIsExact(): boolean {
    return this.#digestIsExact;
  }

  /** Whether its log held no op at all by that digest, which leaves out what is closed here. */
  get logIsEmpty(): boolean {
    return this.#logIsEmpty;
  }

  /** The time at which the last digest came. */
  get digestAt(): number {
    return this.#digestAt;
  }

  /** Whether digests to the peer list retired origins: its sum over them differed from ours. */
  get listRetired(): boolean {
    return this.#listRetired;
  }

  /** An op of an origin that is closed here, which it surely lacked; null where there was none. */
  get lackedClosed(): OpId | null {
    return this.#lackedClosed;
  }

  /**
   * Whether it has shown so often in a row that it has closed other origins that neither side is just
   * ahead: then both list all origins that ever were, and find what either lacks.
   */
  get closesOthers(): boolean {
    return this.#closingsDiffered >= DIFFERENCES_TO_LIST_ALL;
  }

  /** @param closesOthers whether the pairs of the two sides stand for origins of which one is not behind. */
  digestCame(read: ReadDigest, closesOthers: boolean, nowMs: number): void {
    const { digest, exact, isEmpty, retiredDiffer, lackedClosed } = read;
    this.#digestAt = nowMs;
    this.#digest = digest;
    this.#digestIsExact = exact;
    this.#logIsEmpty = isEmpty;
    this.#listRetired = retiredDiffer;
    this.#lackedClosed = lackedClosed;
    // A list of all names no pair, and leaves the question open for the next one.
    if (closesOthers) this.#closingsDiffered++;
    else if (digest.closed !== undefined || !retiredDiffer) this.#closingsDiffered = 0;
    if (this.#closingsDiffered >= DIFFERENCES_TO_TRY_PAIRS) this.#closingsDiffered = 0;
  }

  /** Whether the map sums were equal at the last comparison of equal vectors; null before that. */
  get agrees(): boolean | null {
    return this.#agrees;
  }

  vectorsDiffer(): void {
    this.#disagreements = 0;
  }

  /**
   * Vectors are equal. @returns the number of times in a row that the map sums have differed meanwhile.
   */
  mapsCompared(agrees: boolean): number {
    this.#agrees = agrees;
    this.#disagreements = agrees ? 0 : this.#disagreements + 1;
    return this.#disagreements;
  }

  // ---- what it was asked for

  /**
   * The vector of the answer that is being taken in, which this node then holds; null if there is none.
   */
  get answerVector(): Vector | null {
    return this.#answerVector;
  }

  answerBegins(vector: Vector): void {
    this.#answerVector = vector;
  }

  answerIsHeld(): void {
    this.#answerVector = null;
  }

  /** The hash of the last digest that the peer answered by `same`; null if it has answered a hash by `unlike` since. */
  get levelHash(): Hash | null {
    return this.#levelHash;
  }

  wasLevel(hash: Hash | null): void {
    this.#levelHash = hash;
  }

  /** The last digest that it sent, as it sent it: differences are told from it. Null if it has not known a base since. */
  get lastShown(): Digest | null {
    return this.#lastShown;
  }

  shows(digest: Digest): void {
    this.#lastShown = digest;
  }

  /** It knows no digest from which differences could be told to it: it is told a whole one. */
  knowsNoBase(): void {
    this.#lastShown = null;
    this.#mayHoldTheSame = false;
  }

  /** Whether nothing speaks against it that its digest is ours, so that it is asked by no more than the hash. */
  get mayHoldTheSame(): boolean {
    return this.#mayHoldTheSame;
  }

  /** The last two digests that it was sent, from which it may tell differences: a question may overtake an answer. */
  get lastTold(): readonly Digest[] {
    return this.#lastTold;
  }

  isTold(digest: Digest): void {
    this.#lastTold = [digest, ...this.#lastTold.slice(0, 1)];
  }

  /** The number of the next part of a snapshot; null if no snapshot from this peer is under way. */
  get snapshotPart(): number | null {
    return this.#snapshotPart;
  }

  snapshotGoesOn(part: number): void {
    ensure(part === (this.#snapshotPart ?? 0), 'parts of a snapshot come in order, from 0');
    this.#snapshotPart = part + 1;
  }

  snapshotEnds(): void {
    this.#snapshotPart = null;
  }

  /**
   * Whether a snapshot goes over this connection, either way. A fresh node that loses it gives its origin up, and has to
   * be let in once more.
   */
  get carriesSnapshot(): boolean {
    return this.#snapshotPart !== null || this.#takesSnapshot;
  }

  // ---- what it asked

  /** It asked by a digest, so that it has taken in, or given up, the snapshot that it was sent. */
  asks(): void {
    this.#takesSnapshot = false;
  }

  isSentSnapshot(): void {
    this.#takesSnapshot = true;
  }

  /** The seq of the peer's own ops that it wants to have confirmed; null if it waits for none. */
  get confirmSeq(): number | null {
    return this.#confirmSeq;
  }

  asksToConfirm(seq: number): void {
    this.#confirmSeq = seq;
  }

  wasConfirmed(): void {
    this.#confirmSeq = null;
  }
}

/** Whether the message answers the pull in flight from the peer; any other answer is dropped unread. */
export const isAnswer = ({ hello, pull }: Greeted, re: number | undefined): boolean =>
  pull.isAnsweredBy(re, hello.protocol[1] >= PROTOCOL_WITH_NAMED_ANSWERS);

/** Whether the peer closes origins, and knows the pair that stands for them. */
export const knowsClosing = ({ hello }: Greeted): boolean => hello.protocol[1] >= CLOSING_PROTOCOL;

/** Whether the peer understands `same` and `level`. */
export const knowsSame = ({ hello }: Greeted): boolean => hello.protocol[1] >= SAME_PROTOCOL;

/** Whether the peer understands digests that are told as differences. */
export const knowsDifferences = ({ hello }: Greeted): boolean => hello.protocol[1] >= MESH_PROTOCOL;

export type Greeted = Peer & { readonly hello: Hello };

export const isGreeted = (peer: Peer | undefined): peer is Greeted => peer?.hello != null;
