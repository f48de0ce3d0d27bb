/** JSON for people: laid out without changing a digit, and compared line by line. Pure. */

const STEP = '  ';

/** Lays out a valid JSON text; strings and numbers stay as they are. */
export function laidOut(text: string): string {
  let out = '';
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text.charAt(at);
    if (sign === '"') {
      const end = endOfString(text, at);
      out += text.slice(at, end);
      at = end - 1;
    } else if (sign === '{' || sign === '[') {
      const next = /\S/.exec(text.slice(at + 1))?.[0];
      if (next === '}' || next === ']') {
        out += sign + next;
        at = text.indexOf(next, at);
      } else out += `${sign}\n${STEP.repeat(++depth)}`;
    } else if (sign === '}' || sign === ']') out += `\n${STEP.repeat(--depth)}${sign}`;
    else if (sign === ',') out += `,\n${STEP.repeat(depth)}`;
    else if (sign === ':') out += ': ';
    else if (!/\s/.test(sign)) out += sign;
  }
  return out;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}

/** The kind of a value, as a person calls it. */
export function kindOf(text: string): string {
  const sign = text.trimStart().charAt(0);
  if (sign === '{') return 'object';
  if (sign === '[') return 'list';
  if (sign === '"') return 'text';
  if (sign === 't' || sign === 'f') return 'true or false';
  return sign === 'n' ? 'null' : 'number';
}

export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

/** Above it the lines between the common ends are told as replaced. */
const MOST_PAIRS = 4_000_000;

/** The lines of two texts by their longest common subsequence (Hirschberg 1975 names the problem). */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end))
    end++;
  const middle = between(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const same = (text: string): DiffLine => ({ kind: 'same', text });
  return [...a.slice(0, start).map(same), ...middle, ...a.slice(a.length - end).map(same)];
}

function between(a: readonly string[], b: readonly string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: 'removed', text });
  const added = (text: string): DiffLine => ({ kind: 'added', text });
  if (a.length * b.length > MOST_PAIRS) return [...a.map(removed), ...b.map(added)];
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]];
    if (left !== undefined && left === right) {
      lines.push({ kind: 'same', text: left });
      i++;
      j++;
    } else if (
      right === undefined ||
      (left !== undefined &&
        (lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0))
    ) {
      lines.push(removed(left ?? ''));
      i++;
    } else {
      lines.push(added(right));
      j++;
    }
  }
  return lines;
}

/** A typed part of a value: its path, empty for the value itself, and the type that its writer gave it. */
export interface TypedPart {
  readonly path: string;
  readonly type: string;
}

/** The types in superjson's annotations, as far as they have its form. @param most parts that are told. */
export function typedParts(meta: unknown, most = 100): TypedPart[] {
  const parts: TypedPart[] = [];
  const visit = (node: unknown, path: string, depth: number): void => {
    if (parts.length >= most || depth > 20) return;
    if (Array.isArray(node)) {
      parts.push({ path, type: Array.isArray(node[0]) ? String(node[0][0]) : String(node[0]) });
      if (node.length > 1) visit(node[1], path, depth + 1);
    } else if (typeof node === 'object' && node !== null)
      for (const [name, inner] of Object.entries(node))
        visit(inner, path === '' ? name : `${path}.${name}`, depth + 1);
  };
  if (typeof meta === 'object' && meta !== null && 'values' in meta) visit(meta.values, '', 0);
  return parts;
}
