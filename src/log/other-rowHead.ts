/** What of a row is left without its texts, the same in every adapter. */
import { carriedHash } from '../words/hash.ts';
import type { Row, RowHead } from './log.ts';

export const headOf = ({ lsn, committedAt, won, op }: Row): RowHead => ({
  lsn,
  committedAt,
  won,
  kind: op.kind,
  origin: op.origin,
  seq: op.seq,
  hlc: op.hlc,
  key: op.key,
  expiresAt: op.expiresAt,
  hash: carriedHash(op),
});
