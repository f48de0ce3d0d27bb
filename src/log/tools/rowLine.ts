/**
 * Rows as lines of JSON: what `export` writes, `import` and `replay` read, and a node answers under
 * `/_log/rows`. Lossless: the value is a JSON string of the text that the client sent, and the hash is
 * the one that the row carries, whether it is true or not.
 */

import { HearsayError } from '../../words/errors.ts';
import { formatHash, parseHash } from '../../words/hash.ts';
import type { Kind, Op } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { isCount, isText, orNull } from '../../words/shape.ts';
import type { Head } from './source.ts';

/** A line that is no row. */
export class MalformedLineError extends HearsayError {
  constructor(fault: string) {
    super(`A line is not one of a log: ${fault}.`);
  }
}

export const rowLine = ({ lsn, committedAt, won, op }: Row): string =>
  JSON.stringify({
    lsn,
    committed_at: committedAt,
    won,
    origin: op.origin,
    seq: op.seq,
    hlc: op.hlc,
    kind: op.kind,
    key: op.key,
    generation: op.generation,
    version: op.version,
    expires_at: op.expiresAt,
    value: op.value,
    meta: op.meta,
    hash: formatHash({ high: op.hashHigh, low: op.hashLow }),
  });

export const headLine = (head: Head): string =>
  JSON.stringify({
    lsn: head.lsn,
    committed_at: head.committedAt,
    won: head.won,
    origin: head.origin,
    seq: head.seq,
    hlc: head.hlc,
    kind: head.kind,
    key: head.key,
    generation: head.generation,
    version: head.version,
    expires_at: head.expiresAt,
    text_bytes: head.textBytes,
    hash: formatHash({ high: head.hashHigh, low: head.hashLow }),
  });

/** The members of a line, none of them trusted yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws MalformedLineError where it is no JSON object. */
export function parseLine(text: string): Fields {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Fields;
  } catch {
    // Told below.
  }
  throw new MalformedLineError(`it starts ${JSON.stringify(text.slice(0, 40))}`);
}

/** @throws MalformedLineError */
export function rowOf(fields: Fields): Row {
  const { lsn, committedAt, won, ...common } = commonOf(fields);
  const { kind, key, generation, version, hashHigh, hashLow, origin, seq, hlc } = common;
  const { expires_at: expiresAt, value, meta } = fields;
  const birth = { origin, seq, hlc };
  const place = { key, generation, version };
  const hash = { hashHigh, hashLow };
  const op = ((): Op | undefined => {
    if (kind === 'put' && isText(value) && isTextOrNull(meta) && isCountOrNull(expiresAt))
      return { ...birth, kind, ...place, expiresAt, value, meta, ...hash };
    if (expiresAt !== null || meta !== null) return undefined;
    if (kind === 'delete' && value === null)
      return { ...birth, kind, ...place, expiresAt, value, meta, ...hash };
    if ((kind === 'join' || kind === 'retire') && isTextOrNull(value))
      return { ...birth, kind, ...place, expiresAt, value, meta, ...hash };
    return undefined;
  })();
  if (op === undefined) throw new MalformedLineError(`a ${kind} at lsn ${lsn} has odd members`);
  return { lsn, committedAt, won, op };
}

/** @throws MalformedLineError */
export function headOf(fields: Fields): Head {
  const { expires_at: expiresAt, text_bytes: textBytes } = fields;
  const common = commonOf(fields);
  if (!isCountOrNull(expiresAt) || !isCount(textBytes))
    throw new MalformedLineError(`lsn ${common.lsn} has odd members`);
  return { ...common, expiresAt, textBytes };
}

type Common = Omit<Head, 'expiresAt' | 'textBytes'>;

function commonOf(fields: Fields): Common {
  const { lsn, committed_at: committedAt, won, origin, seq, hlc, kind, key } = fields;
  const { generation, version } = fields;
  const hash = typeof fields.hash === 'string' ? parseHash(fields.hash) : undefined;
  if (
    !isCount(lsn) ||
    !isCount(committedAt) ||
    typeof won !== 'boolean' ||
    !isText(origin) ||
    !isCount(seq) ||
    !isCount(hlc) ||
    !isKind(kind) ||
    !isText(key) ||
    !isCount(generation) ||
    !isCount(version) ||
    hash === undefined
  )
    throw new MalformedLineError(`a member of the row at lsn ${String(lsn)} is missing or odd`);
  const { high: hashHigh, low: hashLow } = hash;
  return {
    lsn,
    committedAt,
    won,
    kind,
    origin,
    seq,
    hlc,
    key,
    generation,
    version,
    hashHigh,
    hashLow,
  };
}

const isTextOrNull = orNull(isText);
const isCountOrNull = orNull(isCount);
const isKind = (value: unknown): value is Kind =>
  value === 'put' || value === 'delete' || value === 'join' || value === 'retire';
