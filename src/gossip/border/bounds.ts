/**
 * The bounds of every message, by its type. They are checked before anything of the message is parsed.
 *
 * None is a setting of its own: they follow from the limits of a delta and a value, or from the
 * protocol itself, which no node may change alone. PROTOCOL.md has the table.
 */
import type { Limits } from '../../words/limits.ts';
import { KIB, MIB } from '../../words/size.ts';
import { MAX_ORIGINS } from '../../words/vector.ts';
import type { Message } from '../protocol/messages.ts';
import type { ShapeBounds } from './scan.ts';

export interface MessageBounds extends ShapeBounds {
  /** UTF-16 code units. */
  readonly maxLength: number;
  /** Messages that one connection may send in a second, on average over `BURST_SECONDS`. */
  readonly maxPerSecond: number;
}

export type Bounds = Readonly<Record<Message['type'], MessageBounds>>;

/**
 * The seconds' worth of messages that may come at once, because they waited while this node was busy.
 */
export const BURST_SECONDS = 10;

/**
 * The factor by which the limits of two nodes may differ, as while a setting is changed node by node.
 */
const SLACK = 4;
/** Elements of an op, a row, a range and a mark, each with its own list. */
const [OP, ROW, RANGE, MARK, KEY_AND_HLC] = [11, 13, 5, 8, 3];
/** Room for the members of the object itself, and for members of later versions. */
const FIELDS = 64;
/** Rows of a page of a judgement or of deletes, and marks of a bucket, that any node sends. */
const MAX_PAGE = 65_536;

/** A question or its answer: a round trip and a commit lie between two of them. */
const ASKED = 5000;
/** The answer walks the map or a page of the log. */
const COSTLY = 500;
/** A round comes by every few seconds, and sometimes several at once. */
const OF_A_ROUND = 20;
/** Sent when its content has changed, or before the end. */
const SELDOM = 5;

/** Longest text of any message, in bytes: a value on the wire is at most twice as long, and one op may be a whole body. */
export const maxMessageBytes = ({
  maxBodyBytes,
  maxDeltaBytes,
}: Pick<Limits, 'maxBodyBytes' | 'maxDeltaBytes'>): number =>
  SLACK * maxBodyBytes + SLACK * maxDeltaBytes + 64 * KIB;

export function boundsOf(
  limits: Pick<
    Limits,
    'maxBodyBytes' | 'maxDeltaBytes' | 'maxDeltaOps' | 'maxPeerMessagesPerSecond'
  >,
): Bounds {
  // One push or confirmation comes for each commit of the peer. Above the rate the transport stops
  // reading, so no peer is refused for it.
  const unasked = 2 * limits.maxPeerMessagesPerSecond;
  const whole = maxMessageBytes(limits);
  const ops = SLACK * limits.maxDeltaOps;
  const vector = MAX_ORIGINS;
  // The first part of a snapshot holds all `join` and `retire` ops.
  const rows = ops + SLACK * MAX_ORIGINS;
  const digest = bound(2 * MIB, 2 * vector, 4, ASKED);
  // Members, and two vectors; as differences, members that came and went, and two numbers for each origin of both vectors.
  const report = bound(4 * MIB, 8 * vector, 5, OF_A_ROUND);
  const short = (maxPerSecond: number): MessageBounds => bound(4 * KIB, 0, 4, maxPerSecond);
  return {
    hello: bound(64 * KIB, 0, 4, SELDOM),
    error: bound(64 * KIB, 0, 4, SELDOM),
    digest,
    delta: bound(whole, RANGE * MAX_ORIGINS + OP * ops + 2 * vector, 5, unasked),
    push: bound(whole, OP * ops, 5, unasked),
    snapshot: bound(whole, ROW * rows + 2 * vector, 5, ASKED),
    next: short(ASKED),
    same: short(ASKED),
    level: short(ASKED),
    unlike: short(ASKED),
    ask: bound(2 * MIB, 4 * vector, 4, ASKED),
    reply: bound(whole, RANGE * MAX_ORIGINS + OP * ops + 4 * vector, 5, ASKED),
    later: short(ASKED),
    rejoin: digest,
    confirm: short(unasked),
    confirmed: short(unasked),
    judge: bound(4 * MIB, 2 * vector, 4, COSTLY),
    judged: bound(whole, MARK * MAX_PAGE, 4, COSTLY),
    deletes: short(COSTLY),
    deleted: bound(whole, KEY_AND_HLC * MAX_PAGE, 4, COSTLY),
    compare: short(COSTLY),
    compared: bound(whole, MARK * MAX_PAGE, 4, COSTLY),
    round: short(OF_A_ROUND),
    echo: report,
    certificate: report,
    certified: short(OF_A_ROUND),
    certify: short(SELDOM),
    prune: short(ASKED),
    graft: short(ASKED),
    // Two numbers in the place of a name.
    have: bound(2 * MIB, 2 * vector, 4, ASKED),
  };
}

const bound = (
  maxLength: number,
  elements: number,
  maxDepth: number,
  maxPerSecond: number,
): MessageBounds => ({ maxLength, maxElements: FIELDS + elements, maxDepth, maxPerSecond });
