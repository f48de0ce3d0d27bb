/**
 * Rows as lines of JSON, for `export`, `import`, `replay` and the answers of a node under `/_log/rows`.
 * They lose nothing: the value is a JSON string of the text that the client sent, and the hash is the
 * one that the row carries, true or not.
 */

import { HearsayError } from '../../words/errors.ts';
import { formatHash, parseHash } from '../../words/hash.ts';
import { isKind, isOp, type OpParts } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { isCount, isText, orNull } from '../../words/shape.ts';
import type { Head } from './logSource.ts';

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

/** The members of a line, not checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws MalformedLineError if it is no JSON object. */
export function parseLine(text: string): Fields {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Fields;
  } catch {
    // The error below reports it.
  }
  throw new MalformedLineError(`it starts ${JSON.stringify(text.slice(0, 40))}`);
}

/** @throws MalformedLineError if the line is no row. */
export function rowOf(fields: Fields): Row {
  const { lsn, committedAt, won, origin, seq, hlc, kind, key, ...rest } = commonOf(fields);
  const { generation, version, hashHigh, hashLow } = rest;
  const { expires_at: expiresAt, value, meta } = fields;
  if (isCountOrNull(expiresAt) && isTextOrNull(value) && isTextOrNull(meta)) {
    const birth = { origin, seq, hlc, kind, key, generation, version };
    const op: OpParts = { ...birth, expiresAt, value, meta, hashHigh, hashLow };
    if (isOp(op)) return { lsn, committedAt, won, op };
  }
  throw new MalformedLineError(`a ${kind} at lsn ${lsn} has odd members`);
}

/** @throws MalformedLineError if the line is no head. */
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
