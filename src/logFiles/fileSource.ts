/** The file of a log as a source of the tools. */
import { DamagedLogError } from '../errors.ts';
import type { PageLimit, Row } from '../log/log.ts';
import { faultOf } from '../log/sqliteFaults.ts';
import type { Head, LogFacts, LogSource, Page } from '../logTools/source.ts';
import { integrityFaults } from './integrity.ts';
import { type OpenedFile, openLogFile } from './openFile.ts';

export class FileSource implements LogSource {
  readonly place: string;
  readonly #opened: OpenedFile;
  readonly #clock: () => number;

  /** @param path a data directory, or a file. @throws as `openLogFile` does. */
  static open(path: string, clock: () => number): FileSource {
    return new FileSource(openLogFile(path), clock);
  }

  private constructor(opened: OpenedFile, clock: () => number) {
    this.#opened = opened;
    this.#clock = clock;
    this.place = opened.file;
  }

  /** Why not all of the file can be read, or null where it can. */
  get cutShort(): string | null {
    return this.#opened.cutShort;
  }

  /** What SQLite finds wrong with the file, a sentence each; looked for in a thread of its own. */
  async integrity(): Promise<readonly string[]> {
    const faults = await integrityFaults(this.#opened.log.file);
    return this.cutShort === null ? faults : [this.cutShort, ...faults];
  }

  async facts(): Promise<LogFacts> {
    return this.#read(() => this.#opened.log.facts(this.#clock()));
  }

  async heads(after: number, upTo: number, maxRows: number): Promise<Page<Head>> {
    return this.#opened.log.heads(after, upTo, maxRows);
  }

  async rows(after: number, upTo: number, limit: PageLimit): Promise<Page<Row>> {
    return this.#opened.log.rows(after, upTo, limit);
  }

  async rowsBefore(lsn: number, limit: PageLimit): Promise<Page<Row>> {
    return this.#opened.log.rowsBefore(lsn, limit);
  }

  async rowsAt(lsns: readonly number[]): Promise<Row[]> {
    return this.#read(() => this.#opened.log.rowsAt(lsns));
  }

  async rowsOn(key: string, after: number, upTo: number): Promise<Page<Row>> {
    return this.#opened.log.rowsOn(key, after, upTo);
  }

  async close(): Promise<void> {
    this.#opened.close();
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      const { kind, message, lsn } = faultOf(error);
      if (kind === 'damaged') throw new DamagedLogError(this.place, message, lsn);
      throw error;
    }
  }
}
