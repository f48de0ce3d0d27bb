/**
 * A log as a source for the tools, read through the lines of a thread of this node, or through the
 * lines that a node answers over HTTP.
 */
import type { Row } from '../../words/row.ts';
import type { PageLimit } from '../log.ts';
import type { LinePage, LineReader, LineRequest } from './lineReader.ts';
import {
  type Head,
  type LogFacts,
  type LogSource,
  type Mark,
  PAGE_HEADS,
  type Page,
} from './logSource.ts';
import { type Fields, headOf, parseLine, rowOf } from './rowLine.ts';

export interface LineSourceParts {
  readonly place: string;
  readonly reader: LineReader;
  /** As in `LogSource`; by default as few as of a file. */
  readonly pageRows?: number;
}

export class LineSource implements LogSource {
  readonly place: string;
  readonly pageRows: number;
  readonly #reader: LineReader;

  constructor({ place, reader, pageRows = PAGE_HEADS }: LineSourceParts) {
    this.place = place;
    this.pageRows = pageRows;
    this.#reader = reader;
  }

  facts(): Promise<LogFacts> {
    return this.#reader.facts();
  }

  /** A node gives no less than heads. */
  marks(after: number, upTo: number, maxRows: number): Promise<Page<Mark>> {
    return this.heads(after, upTo, maxRows);
  }

  heads(after: number, upTo: number, maxRows: number): Promise<Page<Head>> {
    const limit = { maxRows, maxBytes: Number.MAX_SAFE_INTEGER };
    return this.#read({ type: 'rows', after, upTo, limit, withValues: false }, headOf);
  }

  rows(after: number, upTo: number, limit: PageLimit): Promise<Page<Row>> {
    return this.#read({ type: 'rows', after, upTo, limit, withValues: true }, rowOf);
  }

  rowsBefore(lsn: number, limit: PageLimit): Promise<Page<Row>> {
    return this.#read({ type: 'before', lsn, limit }, rowOf);
  }

  async rowsAt(lsns: readonly number[]): Promise<Row[]> {
    // A request must name one.
    if (lsns.length === 0) return [];
    return [...(await this.#read({ type: 'at', lsns }, rowOf)).items];
  }

  rowsOn(key: string, after: number, upTo: number): Promise<Page<Row>> {
    return this.#read({ type: 'on', key, after, upTo }, rowOf);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #read<T>(request: LineRequest, parse: (fields: Fields) => T): Promise<Page<T>> {
    const { lines, next, fault }: LinePage = await this.#reader.lines(request);
    const items: T[] = [];
    for (const line of new TextDecoder().decode(lines).split('\n'))
      if (line !== '') items.push(parse(parseLine(line)));
    return { items, next, fault };
  }
}
