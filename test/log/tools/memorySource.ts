/** A log in memory as a source of the tools, in small pages, so that every walk crosses many of them. */

import type { PageLimit } from '../../../src/log/log.ts';
import type { StoredLog } from '../../../src/log/memory.ts';
import type { Head, LogFacts, LogSource, Page } from '../../../src/log/tools/logSource.ts';
import type { Row } from '../../../src/words/row.ts';

const PAGE = 3;

export const headOfRow = ({ lsn, committedAt, won, op }: Row): Head => ({
  lsn,
  committedAt,
  won,
  kind: op.kind,
  origin: op.origin,
  seq: op.seq,
  hlc: op.hlc,
  key: op.key,
  generation: op.generation,
  version: op.version,
  expiresAt: op.expiresAt,
  hashHigh: op.hashHigh,
  hashLow: op.hashLow,
  textBytes: Buffer.byteLength(op.key + (op.value ?? '') + (op.meta ?? '')),
});

export class MemorySource implements LogSource {
  readonly place = 'the test log';
  readonly pageRows = PAGE;
  readonly rowsOfLog: readonly Row[];
  readonly #facts: LogFacts;
  reads = 0;

  constructor({ header, origins, rows }: StoredLog, nowMs: number) {
    this.rowsOfLog = rows;
    const [firstLsn, lastLsn] = [rows[0]?.lsn ?? 0, rows.at(-1)?.lsn ?? 0];
    this.#facts = { header, records: origins, firstLsn, lastLsn, sizeBytes: 4096, nowMs };
  }

  async facts(): Promise<LogFacts> {
    return this.#facts;
  }

  async heads(after: number, upTo: number, maxRows: number): Promise<Page<Head>> {
    const { items, ...rest } = this.#page(after, upTo, maxRows);
    return { ...rest, items: items.map(headOfRow) };
  }

  marks(after: number, upTo: number, maxRows: number): Promise<Page<Head>> {
    return this.heads(after, upTo, maxRows);
  }

  async rows(after: number, upTo: number, { maxRows }: PageLimit): Promise<Page<Row>> {
    return this.#page(after, upTo, maxRows);
  }

  async rowsBefore(lsn: number, { maxRows }: PageLimit): Promise<Page<Row>> {
    const found = this.rowsOfLog.filter((row) => row.lsn < lsn).reverse();
    const items = found.slice(0, Math.min(PAGE, maxRows));
    return { items, next: items.at(-1)?.lsn ?? null, fault: null };
  }

  async rowsAt(lsns: readonly number[]): Promise<Row[]> {
    return lsns.flatMap((lsn) => this.rowsOfLog.find((row) => row.lsn === lsn) ?? []);
  }

  async rowsOn(key: string, after: number, upTo: number): Promise<Page<Row>> {
    const { items, ...rest } = this.#page(after, upTo, PAGE);
    return { ...rest, items: items.filter(({ op }) => op.key === key) };
  }

  async close(): Promise<void> {}

  #page(after: number, upTo: number, maxRows: number): Page<Row> {
    this.reads++;
    const found = this.rowsOfLog.filter(({ lsn }) => lsn > after && lsn <= upTo);
    const items = found.slice(0, Math.min(PAGE, maxRows));
    const next = items.length < found.length ? (items.at(-1)?.lsn ?? null) : null;
    return { items, next, fault: null };
  }
}
