/** The file of a log as a source for the tools. */
import { setTimeout as pause } from 'node:timers/promises';
import { DamagedLogError } from '../../words/errors.ts';
import type { Row } from '../../words/row.ts';
import type { PageLimit } from '../log.ts';
import { faultOf } from '../sqlite/faults.ts';
import {
  type Head,
  type LogFacts,
  type LogSource,
  type Mark,
  PAGE_HEADS,
  type Page,
} from '../tools/logSource.ts';
import { integrityFaults } from './integrity.ts';
import { type OpenedFile, openLogFile } from './openFile.ts';

/** A reader beside a node that writes works for a tenth of the time. */
const PAUSE_SHARE = 9;
/** A reader that follows keeps up with a node at full speed. */
const MAX_PAUSE_MS = 50;

export class FileSource implements LogSource {
  readonly place: string;
  readonly pageRows = PAGE_HEADS;
  readonly #opened: OpenedFile;
  readonly #clock: () => number;
  #dataVersion: unknown;
  #goesOnSince = performance.now();

  /** @param path a data directory, or a file. @throws the errors of `openLogFile`. */
  static open(path: string, clock: () => number): FileSource {
    return new FileSource(openLogFile(path), clock);
  }

  private constructor(opened: OpenedFile, clock: () => number) {
    this.#opened = opened;
    this.#clock = clock;
    this.place = opened.file;
    this.#dataVersion = opened.log.dataVersion();
  }

  /** A predicate of the file (`is cut short: …`) if only a part of it can be read, or null. */
  get cutShort(): string | null {
    return this.#opened.cutShort;
  }

  /**
   * The faults that SQLite finds in the file, in one sentence each; a thread of its own looks for them.
   */
  async integrity(): Promise<readonly string[]> {
    const faults = await integrityFaults(this.#opened.log.file);
    return this.cutShort === null ? faults : [`The file ${this.cutShort}`, ...faults];
  }

  async facts(): Promise<LogFacts> {
    return this.#read(() => this.#opened.log.facts(this.#clock()));
  }

  marks(after: number, upTo: number, maxRows: number): Promise<Page<Mark>> {
    return this.#yielding(() => this.#opened.log.marks(after, upTo, maxRows));
  }

  heads(after: number, upTo: number, maxRows: number): Promise<Page<Head>> {
    return this.#yielding(() => this.#opened.log.heads(after, upTo, maxRows));
  }

  rows(after: number, upTo: number, limit: PageLimit): Promise<Page<Row>> {
    return this.#yielding(() => this.#opened.log.rows(after, upTo, limit));
  }

  rowsBefore(lsn: number, limit: PageLimit): Promise<Page<Row>> {
    return this.#yielding(() => this.#opened.log.rowsBefore(lsn, limit));
  }

  async rowsAt(lsns: readonly number[]): Promise<Row[]> {
    return this.#read(() => this.#opened.log.rowsAt(lsns));
  }

  rowsOn(key: string, after: number, upTo: number): Promise<Page<Row>> {
    return this.#yielding(() => this.#opened.log.rowsOn(key, after, upTo));
  }

  async close(): Promise<void> {
    this.#opened.close();
  }

  /**
   * Pauses after each page beside a node that writes. Where cores are few, the reader spends the node's
   * time, and the node's write-ahead log can start anew only while nobody reads.
   */
  async #yielding<T>(read: () => T): Promise<T> {
    const page = read();
    const dataVersion = this.#opened.log.dataVersion();
    if (dataVersion !== this.#dataVersion) {
      this.#dataVersion = dataVersion;
      // The work on the page before counts too.
      const pauseMs = PAUSE_SHARE * (performance.now() - this.#goesOnSince);
      await pause(Math.min(MAX_PAUSE_MS, pauseMs));
    }
    this.#goesOnSince = performance.now();
    return page;
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
