/**
 * A cursor: a place in the history of all nodes that a client holds. Its holder has been told the fold
 * of every op that its vector covers, without the entries that had expired by its mark. So it goes on
 * from any node that holds those ops. A write's token is a cursor with one entry.
 *
 * As text it is opaque to clients: base64url (RFC 4648) of a JSON list whose first element is the
 * version of the format.
 */

import { type ClosedPair, NOTHING_CLOSED } from './closed.ts';
import { HearsayError } from './errors.ts';
import { type ExpiryMark, NO_EXPIRIES } from './expiryMark.ts';
import { formatHash, parseHash } from './hash.ts';
import type { OpId } from './op.ts';
import { isCount, isText } from './shape.ts';
import { raise, type Vector } from './vector.ts';

export interface Cursor {
  /** The id of the cluster of this history. */
  readonly cluster: string;
  readonly vector: Vector;
  /** The closed origins that it covers, beside those of the vector (rule 13). */
  readonly closed: ClosedPair;
  /** The mark up to which expiries were told. */
  readonly told: ExpiryMark;
  /** The place up to which the state was told; null once all of it was. */
  readonly state: StatePlace | null;
  /**
   * Further ops that a node must hold to go on from here: for their sake something was not told. Without it there are
   * none.
   */
  readonly relies?: Vector;
}

/** The place up to which a watcher was told the state, in the order of code points. */
export interface StatePlace {
  /** The last key that was told; null before the first. */
  readonly after: string | null;
}

/** The place at the beginning of the state. */
export const STATE_START: StatePlace = { after: null };

/** The text is not a cursor that this version makes. */
export class MalformedCursorError extends HearsayError {
  constructor(fault: string) {
    super(`The cursor is malformed: ${fault}. Send one exactly as a node gave it, or none.`);
  }
}

const FORMAT = 1;
/** The format of a cursor that names the pair of closed origins behind its vector. */
const FORMAT_WITH_CLOSED = 2;
/** The format of a list that holds another cursor's list, and the ops that this one relies on beside it. */
const FORMAT_WITH_RELIES = 3;
/**
 * Nodes of 0.2.0 tell the state in the order of UTF-16 code units. After a key with one of these units
 * the two orders differ, so that key stands in a list, which those nodes refuse, as theirs is refused here.
 */
const ORDERED_ANEW = /[\ud800-\uffff]/;
/** Stands for a key if no part of the state was told: no text is a number. */
const NO_KEY = 0;
/** The longest cursor that is taken, in characters: the room in a URL, for some 300 open origins. */
export const MAX_CURSOR_LENGTH = 12 * 1024;

/** The front of a cursor's list, which watchers at one place of one log share. */
export function encodeVector(
  cluster: string,
  vector: Vector,
  { count, sum }: ClosedPair = NOTHING_CLOSED,
): string {
  let text = `[${count === 0 ? FORMAT : FORMAT_WITH_CLOSED},${JSON.stringify(cluster)},{`;
  let separator = '';
  for (const [origin, seq] of vector) {
    text += `${separator}${JSON.stringify(origin)}:${seq}`;
    separator = ',';
  }
  return count === 0 ? `${text}}` : `${text}},[${count},${JSON.stringify(formatHash(sum))}]`;
}

/** @param vectorText made by `encodeVector`. */
export function encodePlace(
  vectorText: string,
  { untilMs, upTo }: ExpiryMark,
  state: StatePlace | null = null,
): string {
  let text = `${vectorText},${untilMs}`;
  if (upTo !== null) text += `,${JSON.stringify(upTo.origin)},${upTo.seq}`;
  else if (state !== null) text += ',null,null';
  if (state !== null) text += `,${stateText(state)}`;
  return Buffer.from(`${text}]`).toString('base64url');
}

function stateText({ after }: StatePlace): string {
  if (after === null) return String(NO_KEY);
  const text = JSON.stringify(after);
  return ORDERED_ANEW.test(after) ? `[${text}]` : text;
}

export function encodeCursor({ cluster, vector, closed, told, state, relies }: Cursor): string {
  const text = encodePlace(encodeVector(cluster, vector, closed), told, state);
  return relies === undefined ? text : encodeRelying(text, relies);
}

/** The cursor, given as text, that also relies on these ops. */
export function encodeRelying(cursor: string, relies: Vector): string {
  const { list, relies: before } = reliedOn(parseList(cursor));
  const all = new Map(before);
  for (const [origin, seq] of relies) raise(all, origin, seq);
  const text = JSON.stringify([FORMAT_WITH_RELIES, list, Object.fromEntries(all)]);
  return Buffer.from(text).toString('base64url');
}

/** The end of a token behind the seq, which has 16 digits at most. */
const TOKEN_END = '},0]';
const TOKEN_TAIL_BYTES = 16 + TOKEN_END.length;

/** The token of one write: every node that holds the op includes it. */
export const encodeToken = (cluster: string, { origin, seq }: OpId): string =>
  Buffer.from(`${tokenFront(cluster, origin)}${seq}${TOKEN_END}`).toString('base64url');

const tokenFront = (cluster: string, origin: string): string =>
  `[${FORMAT},${JSON.stringify(cluster)},{${JSON.stringify(origin)}:`;

/** Makes the tokens that `encodeToken` does: it keeps their front, since nearly all writes of a node share it. */
export class TokenWriter {
  #cluster: string | null = null;
  #origin = '';
  #bytes = Buffer.alloc(0);
  #frontBytes = 0;

  token(cluster: string, { origin, seq }: OpId): string {
    if (cluster !== this.#cluster || origin !== this.#origin) this.#begin(cluster, origin);
    const from = this.#frontBytes;
    const end = from + this.#bytes.write(`${seq}${TOKEN_END}`, from, 'latin1');
    return this.#bytes.toString('base64url', 0, end);
  }

  #begin(cluster: string, origin: string): void {
    const front = tokenFront(cluster, origin);
    this.#cluster = cluster;
    this.#origin = origin;
    this.#frontBytes = Buffer.byteLength(front);
    this.#bytes = Buffer.alloc(this.#frontBytes + TOKEN_TAIL_BYTES);
    this.#bytes.write(front);
  }
}

/** The token of every op that the vector and the pair cover. */
export const encodeWholeToken = (cluster: string, vector: Vector, closed: ClosedPair): string =>
  encodePlace(encodeVector(cluster, vector, closed), NO_EXPIRIES);

/** @throws MalformedCursorError if the text is no cursor. */
export function decodeCursor(text: string): Cursor {
  if (text.length > MAX_CURSOR_LENGTH) throw new MalformedCursorError('it is too long');
  const { list, relies } = reliedOn(parseList(text));
  const [format, cluster, vector, ...others] = list;
  if (format !== FORMAT && format !== FORMAT_WITH_CLOSED)
    throw new MalformedCursorError('it is of another version');
  const closed = format === FORMAT ? NOTHING_CLOSED : decodeClosed(others.shift());
  const [untilMs, origin, seq, stateKey, ...rest] = others;
  if (typeof cluster !== 'string' || !isCount(untilMs) || rest.length > 0)
    throw new MalformedCursorError('it has other fields than a cursor');
  return {
    cluster,
    vector: decodeVector(vector, format === FORMAT_WITH_CLOSED),
    closed,
    told: { untilMs, upTo: decodeUpTo(origin ?? null, seq ?? null) },
    state: decodeState(stateKey ?? null),
    ...(relies.size > 0 && { relies }),
  };
}

/** The list of the cursor itself, and the ops that it relies on. */
function reliedOn(list: readonly unknown[]): { list: readonly unknown[]; relies: Vector } {
  const [format, inner, relies, ...rest] = list;
  if (format !== FORMAT_WITH_RELIES) return { list, relies: new Map() };
  if (!Array.isArray(inner) || rest.length > 0)
    throw new MalformedCursorError('it has other fields than a cursor');
  return { list: inner, relies: decodeVector(relies, false) };
}

function parseList(text: string): readonly unknown[] {
  const bytes = Buffer.from(text, 'base64url');
  // Node skips characters that are not base64url, so only a text that it would make itself is taken.
  if (bytes.toString('base64url') !== text) throw new MalformedCursorError('it is not base64url');
  const json = bytes.toString('utf8');
  try {
    const list: unknown = JSON.parse(json);
    if (Array.isArray(list)) return list;
  } catch {
    // The error below reports it.
  }
  throw new MalformedCursorError('it does not hold a list');
}

/** @param keepsNone whether a seq of 0 is kept: of a closed origin, beside the pair, it says that no op is covered. */
function decodeVector(value: unknown, keepsNone: boolean): Vector {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MalformedCursorError('its vector is malformed');
  const vector = new Map<string, number>();
  for (const [origin, seq] of Object.entries(value)) {
    if (!isCount(seq)) throw new MalformedCursorError('its vector holds a value that is no count');
    // A seq of 0 covers no op, and would cost a watcher as much as any other.
    if (seq > 0 || keepsNone) vector.set(origin, seq);
  }
  return vector;
}

function decodeClosed(value: unknown): ClosedPair {
  const [count, text, ...rest] = Array.isArray(value) ? value : [];
  const sum = isText(text) ? parseHash(text) : undefined;
  if (!isCount(count) || sum === undefined || rest.length > 0)
    throw new MalformedCursorError('its closed origins are not a number and a sum');
  return { count, sum };
}

function decodeUpTo(origin: unknown, seq: unknown): OpId | null {
  if (origin === null && seq === null) return null;
  if (typeof origin !== 'string' || !isCount(seq))
    throw new MalformedCursorError('its mark is not an op id');
  return { origin, seq };
}

function decodeState(value: unknown): StatePlace | null {
  if (value === null) return null;
  if (value === NO_KEY) return STATE_START;
  if (typeof value === 'string') {
    if (!ORDERED_ANEW.test(value)) return { after: value };
    throw new MalformedCursorError('its place in the state is of another version');
  }
  const [after, ...rest]: unknown[] = Array.isArray(value) ? value : [];
  if (isText(after) && rest.length === 0) return { after };
  throw new MalformedCursorError('its place in the state is not a key');
}
