/**
 * A running node's log as lines of bytes (`rowLine.ts`). Two adapters implement it.
 * `src/log/files/lineThread.ts` serves the node's own HTTP routes: another thread reads the rows and
 * writes the lines, and the thread that answers clients only passes them on.
 * `src/cli/remote/urlReader.ts` reads over HTTP.
 */
import type { PageLimit } from '../log.ts';
import type { LogFacts, PageFault } from './logSource.ts';

/** The rows to read, as for the reads of `LogSource`. */
export type LineRequest =
  | {
      readonly type: 'rows';
      readonly after: number;
      readonly upTo: number;
      readonly withValues: boolean;
      readonly limit: PageLimit;
    }
  | { readonly type: 'before'; readonly lsn: number; readonly limit: PageLimit }
  | { readonly type: 'at'; readonly lsns: readonly number[] }
  | { readonly type: 'on'; readonly key: string; readonly after: number; readonly upTo: number };

export interface LinePage {
  /** One line for each row, with its line feed. */
  readonly lines: Uint8Array<ArrayBuffer>;
  readonly rows: number;
  readonly next: number | null;
  readonly fault: PageFault | null;
}

export interface LineReader {
  facts(): Promise<LogFacts>;
  lines(request: LineRequest): Promise<LinePage>;
  close(): Promise<void>;
}
