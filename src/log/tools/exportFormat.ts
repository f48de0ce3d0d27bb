/**
 * The files that `export` writes and `import` and `replay` read: lines of JSON. The first line
 * describes the content, and the last line proves that the file is complete. A file without its last
 * line was interrupted, and goes on where it stopped.
 */

import { memberText } from '../../words/json.ts';
import type { LogHeader, OriginRecord } from '../../words/row.ts';
import { isCount } from '../../words/shape.ts';
import type { LiveEntry } from './entriesAt.ts';
import { headerJson, headerOf, recordJson, recordOf } from './factsJson.ts';
import { type Fields, MalformedLineError, parseLine } from './rowLine.ts';

export const FORMAT = 1;

/** The first line of a file of ops. */
export interface OpsHead {
  readonly kind: 'ops';
  readonly header: LogHeader;
  /**
   * The records when the export began; the records of the exported rows are computed from them at its
   * end.
   */
  readonly records: readonly OriginRecord[];
  /** The log's last lsn when the export began. */
  readonly lastLsn: number;
  /** The rows of the file go up to this lsn, which is before `lastLsn` if a point was named. */
  readonly upToLsn: number;
}

/** The first line of a file of entries. */
export interface EntriesHead {
  readonly kind: 'entries';
  /** The moment of the entries, UTC milliseconds. */
  readonly atMs: number;
  readonly upToLsn: number;
}

export type Head = OpsHead | EntriesHead;

/** The last line of a file of ops. */
export interface OpsEnd {
  readonly rows: number;
  readonly records: readonly OriginRecord[];
}

export const opsHeadLine = ({ header, records, lastLsn, upToLsn }: OpsHead): string =>
  JSON.stringify({
    hearsay: 'ops',
    format: FORMAT,
    up_to_lsn: upToLsn,
    last_lsn: lastLsn,
    ...headerJson(header),
    records: records.map(recordJson),
  });

export const entriesHeadLine = ({ atMs, upToLsn }: EntriesHead): string =>
  JSON.stringify({ hearsay: 'entries', format: FORMAT, at_ms: atMs, up_to_lsn: upToLsn });

export const opsEndLine = ({ rows, records }: OpsEnd): string =>
  JSON.stringify({ end: true, rows, records: records.map(recordJson) });

export const entriesEndLine = (entries: number): string => JSON.stringify({ end: true, entries });

/** @throws MalformedLineError if the line is no first line. */
export function headOfFile(line: string): Head {
  const fields = parseLine(line);
  const { hearsay, format, up_to_lsn: upToLsn, last_lsn: lastLsn, at_ms: atMs } = fields;
  if (hearsay !== 'ops' && hearsay !== 'entries')
    throw new MalformedLineError('the file is no export of a log');
  if (format !== FORMAT)
    throw new MalformedLineError(
      `the file has format ${String(format)}, and this Hearsay knows ${FORMAT}`,
    );
  if (!isCount(upToLsn)) throw new MalformedLineError('the first line does not name its last lsn');
  if (hearsay === 'entries') {
    if (!isCount(atMs)) throw new MalformedLineError('the first line does not name its time');
    return { kind: 'entries', atMs, upToLsn };
  }
  if (!isCount(lastLsn))
    throw new MalformedLineError('the first line does not name the last lsn of its log');
  return { kind: 'ops', header: headerOf(fields), records: recordsOf(fields), lastLsn, upToLsn };
}

const recordsOf = ({ records }: Fields): OriginRecord[] => {
  if (!Array.isArray(records)) throw new MalformedLineError('it has no records of origins');
  return records.map(recordOf);
};

export const isEnd = (fields: Fields): boolean => fields.end === true;

/** @throws MalformedLineError if the line is no last line of ops. */
export function opsEndOf(fields: Fields): OpsEnd {
  const { rows } = fields;
  if (!isCount(rows))
    throw new MalformedLineError('the last line does not give the number of rows');
  return { rows, records: recordsOf(fields) };
}

/** An entry of a file of entries; its value is JSON text. */
export interface ExportedEntry {
  readonly key: string;
  readonly version: number;
  /** UTC milliseconds. */
  readonly expiresAt: number | null;
  readonly value: string;
  readonly meta: string | null;
}

/** The value is written as JSON if it fits on a line, so that other tools can read it. */
export function entryLine({ op }: Pick<LiveEntry, 'op'>): string {
  const { key, version, expiresAt, value, meta } = op;
  const head = JSON.stringify({ key, version, expires_at: expiresAt });
  return `${head.slice(0, -1)},"value":${onOneLine(value)}${meta === null ? '' : `,"meta":${onOneLine(meta)}`}}`;
}

/**
 * Replaces line feeds without changing the meaning: JSON has them only as space outside of its strings.
 */
export const onOneLine = (json: string): string => json.replaceAll(/[\r\n]/g, ' ');

/** @throws MalformedLineError if the line is no entry. */
export function exportedEntryOf(line: string, fields: Fields): ExportedEntry {
  const { key, version, expires_at: expiresAt } = fields;
  const value = memberText(line, 'value');
  if (
    typeof key !== 'string' ||
    !isCount(version) ||
    (expiresAt !== null && !isCount(expiresAt)) ||
    value === undefined
  )
    throw new MalformedLineError(`${JSON.stringify(line.slice(0, 60))} is no entry`);
  return { key, version, expiresAt, value, meta: memberText(line, 'meta') ?? null };
}
