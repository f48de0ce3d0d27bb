/** One trace as a tree, from the log lines of all processes. */
export interface TracedLine {
  /** UTC milliseconds. */
  readonly time: number;
  /** Of the process. */
  readonly name: string;
  readonly trace: string;
  readonly span: string;
  readonly parent?: string | undefined;
  readonly msg: string;
  /** Further members of the line, as text; empty for none. */
  readonly detail: string;
}

interface TreeSpan {
  readonly span: string;
  readonly parent: string | undefined;
  readonly lines: TracedLine[];
}

/** @returns the lines of the tree: each span below the one that asked for it, in the order of time. */
export function traceTree(lines: readonly TracedLine[]): string[] {
  const spans = new Map<string, TreeSpan>();
  for (const line of lines.toSorted((a, b) => a.time - b.time)) {
    const { span, parent } = line;
    const known = spans.get(span);
    if (known === undefined) spans.set(span, { span, parent, lines: [line] });
    else known.lines.push(line);
  }
  const below = Map.groupBy(spans.values(), ({ parent }) =>
    parent !== undefined && spans.has(parent) ? parent : '',
  );
  const startMs = Math.min(...lines.map(({ time }) => time));
  const shown: string[] = [];
  // A log may be forged: a span that leads back to itself is shown once.
  const seen = new Set<string>();
  const show = (span: TreeSpan, depth: number): void => {
    if (seen.has(span.span)) return;
    seen.add(span.span);
    for (const { time, name, msg, detail } of span.lines)
      shown.push(
        `${`+${time - startMs}`.padStart(7)} ms  ${'  '.repeat(depth)}${name}: ${msg}${detail}`,
      );
    for (const child of below.get(span.span) ?? []) show(child, depth + 1);
  };
  for (const root of below.get('') ?? []) show(root, 0);
  for (const span of spans.values()) show(span, 0);
  return shown;
}
