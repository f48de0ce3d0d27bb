/** Finds the conditions of a source file, and the ways to get each of them wrong. */

import { dirname, join } from 'node:path/posix';
import { argumentsAt, importsOf, lineAt, type SourceFile } from './source.ts';

/** The folders whose conditions are changed. */
export const MUTATED = ['src/rules', 'src/gossip', 'src/replica', 'src/watch'];

export interface Mutant {
  /** From the root of the project. */
  readonly file: string;
  readonly line: number;
  /** Where the changed text stands, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly change: string;
  /** The whole line as it was, without the space around it: it names the mutant while lines move. */
  readonly source: string;
}

/** A bound that is one off, the opposite, or the other connection of two conditions. */
const WRONG_OPERATORS: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '&&': '||',
  '||': '&&',
};
const OPERATOR = /(?<=\S )(?:===|!==|<=|>=|<|>|&&|\|\|)(?=\s)/g;
const IF = /\bif \(/g;

/** Every mutant of the file: each condition of an `if` as never and always true, and each operator changed. */
export function mutantsOf(file: SourceFile): Mutant[] {
  const found: Mutant[] = [];
  const add = (start: number, end: number, change: string): void => {
    const lineStart = file.text.lastIndexOf('\n', start) + 1;
    const lineEnd = file.text.indexOf('\n', start);
    found.push({
      file: file.path,
      line: lineAt(file.text, start),
      start,
      end,
      text: file.text.slice(start, end),
      change,
      source: file.text.slice(lineStart, lineEnd).trim(),
    });
  };
  for (const { index, 0: operator } of file.code.matchAll(OPERATOR))
    add(index, index + operator.length, WRONG_OPERATORS[operator] ?? operator);
  for (const match of file.code.matchAll(IF)) {
    const open = match.index + match[0].length - 1;
    const [condition = ''] = argumentsAt(file, open);
    const start = file.text.indexOf(condition, open);
    const end = start + condition.length;
    // A check of an invariant never fails in a sound program: without it nothing changes.
    if (/^\)\s*throw new BrokenInvariantError/.test(file.code.slice(end))) continue;
    add(start, end, 'false');
    add(start, end, 'true');
  }
  return found.sort((a, b) => a.start - b.start);
}

/** A mutant as the table of survivors names it. */
export function rowOf({ file, source, text, change }: Mutant): string {
  const shown = text.replace(/\s+/g, ' ');
  return `| \`${file}\` | \`${source}\` | \`${shown}\` → \`${change}\` |`.replaceAll(
    '||',
    '\\|\\|',
  );
}

/** The rows of the table of survivors, or of what a run tells, without their last column and without padding. */
export const explainedRows = (text: string): string[] =>
  [...text.matchAll(/^ *\| `src\/.*$/gm)].map(([row]) => {
    const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return `| ${cells.slice(1, 4).join(' | ')} |`;
  });

/** The files that a file imports, directly or through others, itself among them. */
export function reachedFrom(path: string, files: ReadonlyMap<string, SourceFile>): Set<string> {
  const reached = new Set<string>();
  const left = [path];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const file = files.get(next);
    if (file === undefined || reached.has(next)) continue;
    reached.add(next);
    const folder = dirname(next);
    for (const specifier of importsOf(file))
      if (specifier.startsWith('.')) left.push(join(folder, specifier));
  }
  return reached;
}
