/** One op as a row of a table, and as a line of JSON. */

import { onOneLine } from '../../log/tools/exportFormat.ts';
import { versionText } from '../../log/tools/whyBeaten.ts';
import { hlcToMs } from '../../words/hlc.ts';
import { formatOpId, type Op } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { type Column, type LastColumn, Table } from '../terminal/table.ts';
import {
  clockText,
  dayText,
  instant,
  instantOrNull,
  ttlMsOf,
  ttlText,
  valueText,
} from '../terminal/text.ts';
import { shownKey } from '../terminal/values.ts';

/** The end of an op id tells more than its beginning. */
export const OP_ID_COLUMN: Column = {
  title: 'ORIGIN/SEQ',
  width: 19,
  leastWidth: 14,
  keep: 'right',
  dropRank: 2,
};

const COLUMNS: readonly Column[] = [
  { title: 'LSN', width: 8, leastWidth: 6, side: 'right', dropRank: 5 },
  { title: 'TIME (UTC)', width: 12 },
  { title: '', width: 1 },
  OP_ID_COLUMN,
  { title: 'KIND', width: 6 },
  { title: 'KEY', width: 17, leastWidth: 10 },
  { title: 'VERSION', width: 7, side: 'right', dropRank: 4 },
  { title: 'GEN', width: 3, side: 'right', dropRank: 1 },
  { title: 'TTL', width: 5, side: 'right', dropRank: 3 },
];
const VALUE_COLUMN: LastColumn = { title: 'VALUE', leastWidth: 12 };

/** Rows of ops, with a line for each new day. A `-` marks an op that lost when it came. */
export class OpTable {
  readonly #table: Table;
  #day = '';

  /** @param totalWidth of the terminal, in columns; null if there is none. */
  constructor(totalWidth: number | null) {
    this.#table = new Table(COLUMNS, VALUE_COLUMN, totalWidth);
  }

  head(): string {
    return this.#table.head();
  }

  /** One line, or two where a new day begins. */
  row({ lsn, committedAt, won, op }: Row): string[] {
    const isOnKey = op.kind === 'put' || op.kind === 'delete';
    const text = this.#table.row([
      String(lsn),
      clockText(committedAt),
      isOnKey && !won ? '-' : '',
      formatOpId(op),
      op.kind,
      shownKey(op.key),
      isOnKey ? versionText(op) : '',
      isOnKey ? String(op.generation) : '',
      ttlText(op),
      valueText(op),
    ]);
    const day = dayText(committedAt);
    if (day === this.#day) return [text];
    this.#day = day;
    return [this.#table.row(['', day]), text];
  }
}

/** The members of an op in every line of JSON that shows one. */
export function opMembers({ lsn, committedAt, won, op }: Row): Record<string, unknown> {
  return {
    lsn,
    committed_at: instant(committedAt),
    won,
    op: formatOpId(op),
    origin: op.origin,
    seq: op.seq,
    born_at: instant(hlcToMs(op.hlc)),
    hlc: op.hlc,
    kind: op.kind,
    key: op.key,
    version: op.version,
    generation: op.generation,
    ttl_ms: ttlMsOf(op),
    expires_at: instantOrNull(op.expiresAt),
  };
}

/** @param members written before the value, whose JSON stays as its client sent it. */
export function withValue(
  members: Readonly<Record<string, unknown>>,
  op: Pick<Op, 'value' | 'meta'>,
): string {
  const value = op.value === null ? '' : `,"value":${onOneLine(op.value)}`;
  const meta = op.meta === null ? '' : `,"meta":${onOneLine(op.meta)}`;
  return `${JSON.stringify(members).slice(0, -1)}${value}${meta}}`;
}

export const opJson = (row: Row): string => withValue(opMembers(row), row.op);
