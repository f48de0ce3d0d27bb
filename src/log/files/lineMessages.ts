/** Messages between a node and the thread that reads its log for the tools. */
import type { Fault } from '../sqlite/faults.ts';
import type { LinePage, LineRequest } from '../tools/lineReader.ts';
import type { LogFacts } from '../tools/logSource.ts';

export interface Ask {
  readonly type: 'ask';
  readonly directory: string;
  /** The origin of the log to read: after a rejoin another file has its name. */
  readonly origin: string;
  /** Null asks for the facts. */
  readonly request: LineRequest | null;
}

export interface Close {
  readonly type: 'close';
}

export type LineReply =
  | { readonly type: 'facts'; readonly facts: LogFacts }
  | { readonly type: 'page'; readonly page: LinePage }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly fault: Fault };
