/** The rows that `tail` shows. */

import type { Kind } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { covers } from '../../words/vector.ts';
import type { Point } from './point.ts';

export interface RowFilter {
  readonly key?: string;
  readonly prefix?: string;
  /** An origin, or the node id that it begins with. */
  readonly origin?: string;
  readonly kind?: Kind;
  /** The first row to show; for a cursor, the first row that it does not cover. */
  readonly since?: Point;
  /** The last row to show. */
  readonly until?: Point;
}

export function matches({ key, prefix, origin, kind, since, until }: RowFilter, row: Row): boolean {
  const { op } = row;
  return (
    (key === undefined || op.key === key) &&
    (prefix === undefined || op.key.startsWith(prefix)) &&
    (origin === undefined || op.origin === origin || op.origin.startsWith(`${origin}.`)) &&
    (kind === undefined || op.kind === kind) &&
    (since === undefined || isSince(since, row)) &&
    (until === undefined || isUntil(until, row))
  );
}

function isSince(point: Point, { lsn, committedAt, op }: Row): boolean {
  switch (point.kind) {
    case 'now':
    case 'time':
      return committedAt >= point.atMs;
    case 'lsn':
      return lsn >= point.lsn;
    case 'cursor':
      return !covers(point.cursor.vector, op);
  }
}

export function isUntil(point: Point, { lsn, committedAt, op }: Row): boolean {
  switch (point.kind) {
    case 'now':
      return true;
    case 'time':
      return committedAt <= point.atMs;
    case 'lsn':
      return lsn <= point.lsn;
    case 'cursor':
      return covers(point.cursor.vector, op);
  }
}

/** Whether no row before this one can be since the point; true only if that is certain. */
export const isBefore = (point: Point | undefined, { lsn }: Row): boolean =>
  point?.kind === 'lsn' && lsn <= point.lsn;
