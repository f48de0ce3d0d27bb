/** The log of a node, read over HTTP by the page, for the tools that the command line uses too. */
import { factsOf } from '../../log/tools/factsJson.ts';
import { linePageOf } from '../../log/tools/linePage.ts';
import type { LinePage, LineReader, LineRequest } from '../../log/tools/lineReader.ts';
import { LineSource } from '../../log/tools/lineSource.ts';
import type { LogFacts } from '../../log/tools/logSource.ts';
import { parseLine } from '../../log/tools/rowLine.ts';
import { rowsQueryOf } from '../../log/tools/rowsQuery.ts';
import { nodes } from './nodes.ts';

class PageLogReader implements LineReader {
  readonly #base: string;
  readonly #signal: AbortSignal;

  constructor(base: string, signal: AbortSignal) {
    this.#base = base;
    this.#signal = signal;
  }

  async facts(): Promise<LogFacts> {
    return factsOf(parseLine((await nodes.readAt(this.#base, '/_log')).text));
  }

  async lines(request: LineRequest): Promise<LinePage> {
    this.#signal.throwIfAborted();
    const { text } = await nodes.readAt(this.#base, `/_log/rows?${rowsQueryOf(request)}`);
    return linePageOf(new TextEncoder().encode(text));
  }

  async close(): Promise<void> {}
}

/** @param base the web origin of the node. */
export const logOf = (base: string, signal: AbortSignal): LineSource =>
  new LineSource({ place: `of ${base}`, reader: new PageLogReader(base, signal) });
