/**
 * Rows in columns, by display width.
 *
 * Invariants: no line is wider than the terminal. If the terminal is too narrow for every column,
 * columns go in the order of their ranks, and only then is a cell cut. If the output is no terminal, no
 * cell is cut.
 */
import { plainText, type Style, type Styled, styled } from './color.ts';
import { fit, type Side, shortened, widthOf, wrapped } from './width.ts';

/** A last cell goes on for about so many lines before it is cut. */
const MOST_LINES = 4;

export interface Column {
  readonly title: string;
  /** The width in columns of the terminal, if there is room. */
  readonly width: number;
  /** The narrowest width that it may get; default its width. */
  readonly leastWidth?: number;
  /** The side on which shorter cells stand: right for figures, default left. */
  readonly side?: Side;
  /** The side of a longer cell that stays; default left. */
  readonly keep?: Side;
  /** The lowest rank is left out first. Without a rank, the column always stays. */
  readonly dropRank?: number;
  /** The style of a cell below the title. */
  readonly style?: (cell: string) => Style | null;
}

/** The column that takes the room left by the others. */
export interface LastColumn {
  readonly title: string;
  readonly leastWidth: number;
}

interface Placed {
  readonly column: Column;
  /** The index of its cells in a row. */
  readonly index: number;
  readonly width: number;
}

export class Table {
  readonly #titles: readonly string[];
  readonly #placed: readonly Placed[];
  readonly #last: LastColumn;
  /** Null if there is no terminal. */
  readonly #totalWidth: number | null;
  readonly #gap: string;

  /**
   * @param totalWidth of the terminal, in columns; null if there is none.
   * @param gap between two columns, in columns.
   */
  constructor(
    columns: readonly Column[],
    last: LastColumn,
    totalWidth: number | null,
    gap: 1 | 2 = 1,
  ) {
    this.#titles = [...columns.map(({ title }) => title), last.title];
    this.#last = last;
    this.#totalWidth = totalWidth;
    this.#gap = ' '.repeat(gap);
    const all = columns.map((column, index) => ({ column, index, width: column.width }));
    this.#placed =
      totalWidth === null ? all : withRoom(all, Math.max(1, last.leastWidth), totalWidth, gap);
  }

  head(): string {
    return this.row(this.#titles);
  }

  /** @param cells one for each column, also for those that are left out, then the last. */
  row(cells: readonly string[]): string {
    return plainText(this.styledRow(cells)).trimEnd();
  }

  /** As `row`, with the colours of its cells. */
  styledRow(cells: readonly string[]): Styled {
    const last = cells[this.#titles.length - 1] ?? '';
    const parts =
      this.#totalWidth === null
        ? this.#whole(cells, last)
        : cut(this.#fitted(cells, last, this.#totalWidth), this.#gap.length, this.#totalWidth);
    return parts.flatMap((part, place) => {
      const { column, index } = this.#placed[place] ?? {};
      const style = column?.style?.(cells[index ?? 0] ?? '') ?? null;
      const isLast = place === parts.length - 1;
      return [styled(style, isLast ? part.trimEnd() : part), ...(isLast ? [] : [this.#gap])];
    });
  }

  /** As `row`, but a last cell that is too long goes on below itself, for a few lines. */
  rows(cells: readonly string[]): string[] {
    if (this.#totalWidth === null) return [this.row(cells)];
    const end = this.#titles.length - 1;
    const width = Math.max(1, this.#totalWidth - this.#takenWidth());
    const text = shortened(cells[end] ?? '', width * MOST_LINES);
    const [first = '', ...more] = wrapped(text, width, 0);
    const margin = ' '.repeat(this.#totalWidth - width);
    const below = more.map((piece) => margin + shortened(piece, width));
    return [this.row([...cells.slice(0, end), first]), ...below];
  }

  /** The columns of the terminal before the last cell. */
  #takenWidth(): number {
    return this.#placed.reduce((sum, { width }) => sum + width + this.#gap.length, 0);
  }

  #whole(cells: readonly string[], last: string): string[] {
    const start = this.#placed.map(({ column: { side }, index, width }) => {
      const cell = cells[index] ?? '';
      return fit(cell, Math.max(width, widthOf(cell)), side);
    });
    return [...start, shortened(last, null)];
  }

  /** A cell that is too long takes the room that the last column can spare. */
  #fitted(cells: readonly string[], last: string, totalWidth: number): string[] {
    let lastWidth = Math.max(0, totalWidth - this.#takenWidth());
    const { leastWidth } = this.#last;
    let spare = Math.max(0, lastWidth - Math.min(leastWidth, widthOf(last.slice(0, leastWidth))));
    const start = this.#placed.map(({ column: { side, keep }, index, width }) => {
      const cell = cells[index] ?? '';
      const more = Math.min(spare, Math.max(0, widthOf(cell.slice(0, totalWidth)) - width));
      spare -= more;
      lastWidth -= more;
      return fit(cell, width + more, side, keep);
    });
    return [...start, shortened(last, lastWidth)];
  }
}

/** The cells of a line, of which the last ones may be too much for a very narrow terminal. */
function cut(cells: readonly string[], gap: number, totalWidth: number): string[] {
  let left = totalWidth;
  return cells.flatMap((cell) => {
    if (left <= 0) return [];
    const part = shortened(cell, left);
    left -= widthOf(part) + gap;
    return [part];
  });
}

/** Columns as wide as their widest cell, for rows that are complete before the first is printed. */
export function measured(
  columns: readonly Omit<Column, 'width'>[],
  rows: readonly (readonly string[])[],
): Column[] {
  return columns.map((column, index) => {
    const cells = rows.map((row) => widthOf(row[index] ?? ''));
    const width = Math.max(widthOf(column.title), ...cells);
    return { ...column, width, leastWidth: Math.min(column.leastWidth ?? width, width) };
  });
}

/** Leaves out columns until the rest has room, then shares out the room that remains. */
function withRoom(
  all: readonly Placed[],
  lastWidth: number,
  totalWidth: number,
  gap: number,
): Placed[] {
  let kept = [...all];
  const room = () =>
    totalWidth - lastWidth - kept.reduce((sum, { column }) => sum + leastOf(column) + gap, 0);
  while (room() < 0) {
    const lowest = Math.min(...kept.map(({ column }) => rankOf(column)));
    if (lowest === STAYS) break;
    kept = kept.filter(({ column }) => rankOf(column) !== lowest);
  }
  let left = Math.max(0, room());
  return kept.map(({ column, index }) => {
    const more = Math.min(left, column.width - leastOf(column));
    left -= more;
    return { column, index, width: leastOf(column) + more };
  });
}

const STAYS = Number.POSITIVE_INFINITY;

const rankOf = ({ dropRank }: Column): number => dropRank ?? STAYS;

const leastOf = ({ width, leastWidth }: Column): number => leastWidth ?? width;
