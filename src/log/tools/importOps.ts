/**
 * Makes the commits of an imported log. It holds the rows and records of the export, under a new
 * cluster id and a new origin. The first ops of that origin are its `join` and a `retire` for each
 * member of the export: they are members of another cluster, and a node that counted them would wait
 * for them for ever.
 */

import { Members, memberValue, nodeIdOf } from '../../rules/members.ts';
import { HearsayError } from '../../words/errors.ts';
import { add, carriedHash, hashOp, hasTrueHash, ZERO } from '../../words/hash.ts';
import { nextHlc } from '../../words/hlc.ts';
import { isOnKey, type Membership, type Unhashed } from '../../words/op.ts';
import type { OriginRecord, Row } from '../../words/row.ts';
import { seqOf, type Vector } from '../../words/vector.ts';
import type { Commit } from '../log.ts';
import type { OpsEnd, OpsHead } from './exportFormat.ts';

/** The file differs from the export that it claims to be. */
export class DamagedExportError extends HearsayError {
  constructor(fault: string) {
    super(`The export is damaged: ${fault}; export it again.`);
  }
}

export interface Identity {
  readonly origin: string;
  readonly clusterId: string;
  /** UTC milliseconds. */
  readonly nowMs: number;
}

/** Follows the rows of an export, in their order; lsns are new, without the holes of compaction. */
export class OpsImport {
  readonly #head: OpsHead;
  readonly #members = new Members();
  #lastLsn = 0;
  #hlc = 0;

  constructor(head: OpsHead) {
    this.#head = head;
  }

  get rows(): number {
    return this.#lastLsn;
  }

  /** @returns the row of the new log. @throws DamagedExportError if the row is not the exported one. */
  take(row: Row): Row {
    const { op } = row;
    if (!hasTrueHash(op))
      throw new DamagedExportError(`${op.origin}/${op.seq} differs from the exported op`);
    this.#lastLsn++;
    this.#hlc = Math.max(this.#hlc, op.hlc);
    if (!isOnKey(op)) this.#members.fold(op);
    return { ...row, lsn: this.#lastLsn };
  }

  /** The last commit. @throws DamagedExportError if rows are missing. */
  end(end: OpsEnd, identity: Identity): Commit {
    if (end.rows !== this.#lastLsn)
      throw new DamagedExportError(`it has ${this.#lastLsn} of ${end.rows} rows`);
    const rows = this.#ownRows(identity);
    const { header } = this.#head;
    const held = new Map(end.records.map(({ origin, seq }) => [origin, seq]));
    const { cutAtMs, reached } = header.facts;
    // An export up to a point may hold fewer ops than were stable when it was made.
    const withinHeld = (stable: Vector): Vector =>
      new Map([...stable].map(([origin, seq]) => [origin, Math.min(seq, seqOf(held, origin))]));
    return {
      rows,
      origins: [...end.records, ownRecord(identity.origin, rows)],
      header: {
        clusterId: identity.clusterId,
        horizon: header.horizon,
        stable: withinHeld(header.stable),
        stableClock: header.stableClock,
        facts: {
          joined: true,
          formedAtMs: identity.nowMs,
          ...(cutAtMs !== null && { cutAtMs }),
          ...(reached !== null && {
            reached: reached.map(({ vector, clock }) => ({ vector: withinHeld(vector), clock })),
          }),
        },
      },
    };
  }

  #ownRows({ origin, nowMs }: Identity): Row[] {
    const changes: Pick<Membership, 'kind' | 'key' | 'value'>[] = [
      { kind: 'join', key: origin, value: memberValue(nodeIdOf(origin), null) },
    ];
    for (const member of this.#members.all())
      changes.push({ kind: 'retire', key: member.origin, value: null });
    return changes.map((change, index) => {
      this.#hlc = nextHlc(this.#hlc, nowMs);
      const unhashed: Unhashed<Membership> = {
        origin,
        seq: index + 1,
        hlc: this.#hlc,
        ...change,
        generation: 0,
        version: 0,
        expiresAt: null,
        meta: null,
      };
      const { high, low } = hashOp(unhashed);
      const op: Membership = { ...unhashed, hashHigh: high, hashLow: low };
      return { lsn: this.#lastLsn + index + 1, committedAt: nowMs, won: false, op };
    });
  }
}

function ownRecord(origin: string, rows: readonly Row[]): OriginRecord {
  const sum = rows.reduce((total, { op }) => add(total, carriedHash(op)), ZERO);
  return { origin, seq: rows.length, sum, reach: 0, compactedSum: ZERO };
}
