/** A walk through a log, page by page. It remembers the rows that could not be read. */
import type { Row } from '../../words/row.ts';
import {
  type Head,
  type LogSource,
  type Mark,
  PAGE_ROWS,
  type Page,
  type PageFault,
  UNKNOWN_LSN,
} from './logSource.ts';

/** The name and the progress of a walk, for people. */
export class Walk {
  readonly upToLsn: number;
  readonly faults: PageFault[] = [];
  /** The rows read so far. */
  rows = 0;
  /** The lsn that the walk has come to. */
  lsn: number;
  readonly #firstLsn: number;
  readonly #onPage: (walk: Walk) => void;

  /** @param onPage called after each page. */
  constructor(afterLsn: number, upToLsn: number, onPage: (walk: Walk) => void = () => {}) {
    this.#firstLsn = afterLsn;
    this.lsn = afterLsn;
    this.upToLsn = upToLsn;
    this.#onPage = onPage;
  }

  /** From 0 to 1. */
  get share(): number {
    const total = this.upToLsn - this.#firstLsn;
    return total <= 0 ? 1 : Math.min(1, (this.lsn - this.#firstLsn) / total);
  }

  heads(source: LogSource): AsyncGenerator<readonly Head[]> {
    return this.#pages((after) => source.heads(after, this.upToLsn, source.pageRows));
  }

  marks(source: LogSource): AsyncGenerator<readonly Mark[]> {
    return this.#pages((after) => source.marks(after, this.upToLsn, source.pageRows));
  }

  /** Whole rows. */
  rowsOf(source: LogSource): AsyncGenerator<readonly Row[]> {
    const limit = { ...PAGE_ROWS, maxRows: source.pageRows };
    return this.#pages((after) => source.rows(after, this.upToLsn, limit));
  }

  rowsOn(source: LogSource, key: string): AsyncGenerator<readonly Row[]> {
    return this.#pages((after) => source.rowsOn(key, after, this.upToLsn));
  }

  async *#pages<T>(read: (after: number) => Promise<Page<T>>): AsyncGenerator<readonly T[]> {
    for (let next: number | null = this.lsn; next !== null; ) {
      const page: Page<T> = await read(next);
      this.rows += page.items.length;
      if (page.items.length > 0) yield page.items;
      if (page.fault !== null) this.faults.push(page.fault);
      next = page.next;
      this.lsn = next ?? this.upToLsn;
      this.#onPage(this);
    }
  }
}

function rangeText(first: number, last: number | null): string {
  // The end of a torn file is unknown.
  if (last === null || last === UNKNOWN_LSN) return `From lsn ${first} on, the log`;
  return first === last ? `lsn ${first}` : `lsn ${first} to ${last}`;
}

/** A fault as a sentence for people. */
export function faultText({ afterLsn, upToLsn, message }: PageFault): string {
  return `${rangeText(afterLsn + 1, upToLsn)} could not be read: ${message}.`;
}
