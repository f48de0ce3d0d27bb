import type { PutHead } from '../words/op.ts';
import type { Row } from '../words/row.ts';

/** A row of a commit, for peers and watchers. */
export interface CommittedRow {
  readonly row: Row;
  /** The op as peers get it, once it has been encoded: once for all of them. */
  wire: string | null;
  /** The entry whose expiry alone the row changed; null if it changed more. */
  readonly touched: PutHead | null;
}
