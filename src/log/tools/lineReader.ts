/**
 * A running node's log as lines of bytes (`rowLine.ts`). Two adapters: `src/log/files/lineThread.ts` for
 * the node's own HTTP routes, where another thread reads the rows and writes the lines, so that the
 * thread that answers clients only passes them on; and `src/cli/remote/urlReader.ts` over HTTP.
 */
import type { PageLimit } from '../log.ts';
import type { LogFacts, PageFault } from './logSource.ts';

/** The rows to read; see `LogSource`, whose reads these are. */
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
  /** One line a row, each with its line feed. */
  readonly lines: Uint8Array;
  readonly rows: number;
  readonly next: number | null;
  readonly fault: PageFault | null;
}

export interface LineReader {
  facts(): Promise<LogFacts>;
  lines(request: LineRequest): Promise<LinePage>;
  close(): Promise<void>;
}
