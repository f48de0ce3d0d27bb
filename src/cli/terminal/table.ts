/** A small table whose columns are as wide as what they hold. */
import { fit } from './text.ts';

const MAX_WIDTH = 40;

/** @param right the indexes of the columns of figures. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string[] {
  const widths = head.map((title, index) =>
    Math.min(MAX_WIDTH, Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0))),
  );
  return [head, ...rows].map((row) =>
    widths
      .map((width, index) => fit(row[index] ?? '', width, right.includes(index) ? 'right' : 'left'))
      .join('  ')
      .trimEnd(),
  );
}
