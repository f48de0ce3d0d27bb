/** One op as a row of a table, and as a line of JSON. */

import { onOneLine } from '../../log/tools/exportFormat.ts';
import { versionText } from '../../log/tools/rule.ts';
import { hlcToMs } from '../../words/hlc.ts';
import { formatOpId, type Op } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import {
  clockText,
  dayText,
  fit,
  instant,
  instantOrNull,
  shorten,
  tableColumns,
  ttlMsOf,
  ttlText,
  valueText,
} from '../terminal/text.ts';
import { shownKey } from '../terminal/values.ts';

const COLUMNS = [
  ['LSN', 8, 'right'],
  ['TIME (UTC)', 12, 'left'],
  ['', 1, 'left'],
  ['ORIGIN/SEQ', 19, 'left'],
  ['KIND', 6, 'left'],
  ['KEY', 17, 'left'],
  ['VERSION', 7, 'right'],
  ['GEN', 3, 'right'],
  ['TTL', 5, 'right'],
] as const;

const startColumns = (): number => COLUMNS.reduce((sum, [, width]) => sum + width + 1, 0);

function line(cells: readonly string[], last: string): string {
  const start = COLUMNS.map(([, width, side], index) => fit(cells[index] ?? '', width, side)).join(
    ' ',
  );
  return `${start} ${shorten(last, tableColumns() - startColumns())}`.trimEnd();
}

/** Rows of ops, with a line for each new day. A `-` marks an op that lost when it came. */
export class OpTable {
  #day = '';

  head(): string {
    return line(
      COLUMNS.map(([title]) => title),
      'VALUE',
    );
  }

  /** One line, or two where a new day begins. */
  row({ lsn, committedAt, won, op }: Row): string[] {
    const isOnKey = op.kind === 'put' || op.kind === 'delete';
    const text = line(
      [
        String(lsn),
        clockText(committedAt),
        isOnKey && !won ? '-' : '',
        opIdText(op),
        op.kind,
        shownKey(op.key),
        isOnKey ? versionText(op) : '',
        isOnKey ? String(op.generation) : '',
        ttlText(op),
      ],
      valueText(op),
    );
    const day = dayText(committedAt);
    if (day === this.#day) return [text];
    this.#day = day;
    return [`${fit('', 8)} ${day}`, text];
  }
}

/** In 19 columns; the end of an op id tells more than its beginning. */
export function opIdText(op: Op): string {
  const id = formatOpId(op);
  return id.length <= 19 ? id : `…${id.slice(-18)}`;
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

/** @param members put before the value, whose JSON stays as its client sent it. */
export function withValue(
  members: Readonly<Record<string, unknown>>,
  op: Pick<Op, 'value' | 'meta'>,
): string {
  const value = op.value === null ? '' : `,"value":${onOneLine(op.value)}`;
  const meta = op.meta === null ? '' : `,"meta":${onOneLine(op.meta)}`;
  return `${JSON.stringify(members).slice(0, -1)}${value}${meta}}`;
}

export const opJson = (row: Row): string => withValue(opMembers(row), row.op);
