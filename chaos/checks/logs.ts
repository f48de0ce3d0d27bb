/**
 * The logs, after the nodes have stopped. Each log is whole. The greatest op of a key, by rule 1 and
 * over all logs, is the one that the cluster shows, unless compaction has begun to remove it with what beat it. Every answered write is a row of some log, unless
 * it may have been lost.
 *
 * The order is written here a second time, from `ARCHITECTURE.md`, not imported from the product.
 */
import { type Call, fateOf } from '../history/call.ts';
import {
  type Evidence,
  type LoggedOp,
  mayBeLost,
  type Shown,
  type Violation,
} from '../history/evidence.ts';
import { EXPIRY_MARGIN_MS } from './exactModel.ts';
import { opIdOf } from './token.ts';

export function checkLogs(evidence: Evidence): Violation[] {
  const damaged = evidence.logs.flatMap(({ node, damage }): Violation[] =>
    damage === null ? [] : [{ check: 'logs', key: null, text: `node${node + 1}: ${damage}` }],
  );
  const { ops, twice } = unionOf(evidence);
  return [...damaged, ...twice, ...checkGreatest(ops, evidence), ...checkAnswered(ops, evidence)];
}

function unionOf({ logs }: Evidence) {
  const ops = new Map<string, LoggedOp>();
  const twice: Violation[] = [];
  for (const { node, ops: own } of logs)
    for (const op of own) {
      const id = `${op.origin}/${op.seq}`;
      const other = ops.get(id);
      const won = op.won || other?.won === true;
      if (other !== undefined && textOf(other) !== textOf(op))
        twice.push({ check: 'logs', key: op.key, text: `node${node + 1} has another op ${id}` });
      ops.set(id, { ...op, won });
    }
  return { ops, twice };
}

/** Each log took it at a time of its own, so it may have won in one of them alone. */
const textOf = (op: LoggedOp): string => JSON.stringify({ ...op, won: null });

/** Negative: `a` loses to `b`. */
export function compareLogged(a: LoggedOp, b: LoggedOp): number {
  const differences = [
    a.generation - b.generation,
    a.version - b.version,
    Number(a.kind === 'delete') - Number(b.kind === 'delete'),
    a.hlc - b.hlc,
    a.origin === b.origin ? 0 : a.origin < b.origin ? -1 : 1,
    a.seq - b.seq,
  ];
  return differences.find((difference) => difference !== 0) ?? 0;
}

function checkGreatest(ops: ReadonlyMap<string, LoggedOp>, evidence: Evidence): Violation[] {
  const greatest = new Map<string, LoggedOp>();
  for (const op of ops.values()) {
    if (op.kind !== 'put' && op.kind !== 'delete') continue;
    const other = greatest.get(op.key);
    if (other === undefined || compareLogged(op, other) > 0) greatest.set(op.key, op);
  }
  const shownKeys = evidence.maps[0] ?? new Map<string, Shown>();
  const keys = new Set([...greatest.keys(), ...shownKeys.keys()]);
  return [...keys].flatMap((key) =>
    checkShown(key, greatest.get(key), shownKeys.get(key), evidence),
  );
}

function checkShown(
  key: string,
  op: LoggedOp | undefined,
  shown: Shown | undefined,
  { readAt, isCompacted }: Evidence,
): Violation[] {
  // The op that beat it came before it, and compaction removes rows in the order in which they came.
  if (isCompacted && op !== undefined && !op.won && shown === undefined) return [];
  const dead = op === undefined || op.kind === 'delete';
  const expiresAt = op?.expiresAt ?? null;
  if (!dead && expiresAt !== null && Math.abs(expiresAt - readAt) < EXPIRY_MARGIN_MS) return [];
  const isDead = dead || (expiresAt !== null && expiresAt <= readAt);
  const name = op === undefined ? 'no log has an op' : `${op.origin}/${op.seq} is the greatest op`;
  if (isDead && shown !== undefined)
    return [{ check: 'resurrection', key, text: `${shown.value} is shown, and ${name}` }];
  if (isDead || op === undefined) return [];
  const isShown = shown !== undefined && shown.value === op.value && shown.version === op.version;
  if (isShown) return [];
  const seen = shown === undefined ? 'nothing' : `${shown.value} version ${shown.version}`;
  const text = `${name} (${op.value} version ${op.version}), and ${seen} is shown`;
  return [{ check: 'survival', key, text }];
}

function checkAnswered(ops: ReadonlyMap<string, LoggedOp>, evidence: Evidence): Violation[] {
  // Rows that were beaten may be gone, and what a retired log held is offered again under other ids.
  if (evidence.isCompacted) return [];
  return evidence.calls.flatMap((call): Violation[] => {
    const id = writtenOp(call);
    if (id === null || ops.has(id) || mayBeLost(call, evidence.incidents)) return [];
    const isRetired = evidence.incidents.some(
      ({ kind, node, life }) =>
        kind === 'retired' && node === call.request.node && life >= call.life,
    );
    if (isRetired) return [];
    const text = `${call.worker} was answered 200, and ${id} is in no log`;
    return [{ check: 'survival', key: call.request.key, text }];
  });
}

function writtenOp({ request, answer }: Call): string | null {
  if (request.method === 'GET' || fateOf(answer) !== 'done' || answer.token === null) return null;
  return opIdOf(answer.token);
}
