/**
 * Verifies a log: the file is whole, seqs follow one another, hashes are true, sums meet, won bits are
 * those of the fold, and the map is the recorded one. It takes one walk over the rows, while SQLite
 * checks the file beside it. If a compaction or another log comes in between, the walk starts again.
 */

import { minuteAhead } from '../../rules/mapSum.ts';
import { collectedUntil } from '../../rules/stability.ts';
import { formatHash, type Hash, sameHash } from '../../words/hash.ts';
import type { OriginRecord, RecordedMapSum } from '../../words/row.ts';
import { type CheckedCheckpoint, CheckpointCheck, type ReadCheckpoint } from './checkpointCheck.ts';
import { type Finding, Findings } from './finding.ts';
import type { LogFacts, LogSource } from './logSource.ts';
import { RowChecks } from './rowChecks.ts';
import { faultText, Walk } from './walk.ts';

export interface Verified {
  readonly facts: LogFacts;
  readonly rows: number;
  readonly keys: { readonly live: number; readonly dead: number };
  readonly mapSum: Hash;
  /** Minutes since the epoch. */
  readonly asOf: number;
  /** Whether a map sum is recorded for the end of the log, and the map meets it. */
  readonly mapSumMet: boolean | null;
  /** Null if there is none, or nobody looked for one. */
  readonly checkpoint: CheckedCheckpoint | null;
  readonly findings: readonly Finding[];
  /** The number of all faults; `findings` may hold fewer. */
  readonly findingCount: number;
}

export interface VerifyOptions {
  /** The faults that SQLite finds in the file, in sentences; a running node is not asked for them. */
  readonly integrity?: () => Promise<readonly string[]>;
  /** Reads the checkpoint beside the log; null if there is none. */
  readonly checkpoint?: () => Promise<ReadCheckpoint | Error | null>;
  /** The milliseconds that the map sum looks ahead if none is recorded. */
  readonly aheadMs: number;
  readonly onPage?: (walk: Walk) => void;
}

/**
 * The most attempts. Each takes as long as the whole walk; a node compacts every few minutes at most.
 */
const MAX_ATTEMPTS = 3;

export async function verify(source: LogSource, options: VerifyOptions): Promise<Verified> {
  const integrity = options.integrity?.() ?? Promise.resolve([]);
  for (let attempt = 1; ; attempt++) {
    // Read first, so that it is not ahead of the facts.
    const checkpoint = (await options.checkpoint?.()) ?? null;
    const facts = await source.facts();
    const verified = await verifyOnce(source, facts, { ...options, read: checkpoint }, integrity);
    const after = await source.facts();
    const isDisturbed = wasCompacted(facts, after) || wasReplaced(facts, after);
    if (!isDisturbed || verified.findingCount === 0 || attempt >= MAX_ATTEMPTS) return verified;
  }
}

async function verifyOnce(
  source: LogSource,
  facts: LogFacts,
  { aheadMs, onPage, read }: VerifyOptions & { readonly read: ReadCheckpoint | Error | null },
  integrity: Promise<readonly string[]>,
): Promise<Verified> {
  const findings = new Findings();
  const check = new RowChecks(facts, findings);
  const walk = new Walk(0, facts.lastLsn, onPage);
  const checkpoint = read && new CheckpointCheck(read, facts);
  for await (const rows of walk.rowsOf(source))
    for (const row of rows) {
      check.row(row);
      checkpoint?.row(row);
    }
  for (const text of await integrity)
    findings.add({ kind: 'file', lsn: null, origin: null, seq: null, text });
  for (const fault of walk.faults)
    findings.add({
      kind: 'unreadable',
      lsn: fault.afterLsn + 1,
      origin: null,
      seq: null,
      text: faultText(fault),
    });
  check.end();
  const recorded = recordedAtEnd(facts);
  const asOf = recorded?.asOf ?? minuteAhead(facts.nowMs, aheadMs);
  const mapSum = check.won.mapSum(asOf);
  const mapSumMet = recorded === null ? null : sameHash(mapSum, recorded.sum);
  if (recorded !== null && mapSumMet === false) findings.add(wrongMap(mapSum, recorded));
  const checked = checkpoint?.end(asOf, (minute) => check.won.mapSum(minute)) ?? null;
  if (checked !== null && checked.fault !== null && findings.total === 0)
    findings.add({ kind: 'checkpoint', lsn: null, origin: null, seq: null, text: checked.fault });
  return {
    facts,
    rows: walk.rows,
    keys: check.won.count(facts.nowMs),
    mapSum,
    asOf,
    mapSumMet,
    checkpoint: checked,
    findings: findings.all(),
    findingCount: findings.total,
  };
}

/**
 * The map sum that the node wrote down when it stopped, if no row was appended since, and if none of the entries that it
 * counts may have expired and been collected since.
 */
function recordedAtEnd({ header, lastLsn }: LogFacts): RecordedMapSum | null {
  const { mapSum } = header.facts;
  if (mapSum?.lsn !== lastLsn || mapSum.asOf < collectedUntil(header)) return null;
  return mapSum;
}

function wrongMap(found: Hash, recorded: RecordedMapSum): Finding {
  const text =
    `the log folds to the map sum ${formatHash(found)}, and the node recorded ` +
    `${formatHash(recorded.sum)} when it stopped: a won bit or a row has changed`;
  return { kind: 'map', lsn: null, origin: null, seq: null, text };
}

function wasCompacted(before: LogFacts, after: LogFacts): boolean {
  const records = new Map(before.records.map((record) => [record.origin, record]));
  return after.records.some((record) => {
    const earlier: OriginRecord | undefined = records.get(record.origin);
    return earlier !== undefined && !sameHash(earlier.compactedSum, record.compactedSum);
  });
}

/** Whether the node has rejoined, or goes on under a new origin. */
const wasReplaced = (before: LogFacts, after: LogFacts): boolean =>
  after.header.origin !== before.header.origin;
