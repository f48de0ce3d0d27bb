/**
 * A running node's log as lines of bytes (`rowLine.ts`), for its HTTP routes: read and written in a
 * thread of its own, so that a walk over the whole log costs the thread that answers clients only the
 * passing on. Adapter: `src/log/files/lineThread.ts`.
 */
import type { PageLimit } from '../log.ts';
import type { LogFacts, PageFault } from './source.ts';

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
