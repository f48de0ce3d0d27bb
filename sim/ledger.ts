/**
 * Every op ever committed, kept outside the nodes, with the rules that say which one shows.
 *
 * The rules are written again here, from the design and not from the source: an oracle that shared
 * the nodes' order of ops could not find a fault in it.
 */
import { add, carriedHash, type Hash, sameHash, ZERO } from '../src/hash.ts';
import type { KeyOp, Op } from '../src/op.ts';

/** Rule 1: whether `a` is greater than `b` among the ops of one key. */
export function beats(a: KeyOp, b: KeyOp): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  if (a.version !== b.version) return a.version > b.version;
  if (a.kind !== b.kind) return a.kind === 'delete';
  if (a.hlc !== b.hlc) return a.hlc > b.hlc;
  return a.origin === b.origin ? a.seq > b.seq : a.origin > b.origin;
}

/** Rule 4: what reads as absent. */
export const readsAbsent = (entry: KeyOp, atMs: number): boolean =>
  entry.kind === 'delete' || (entry.expiresAt !== null && atMs >= entry.expiresAt);

/** What an op is made of: two ops of one id must be alike in all of it. */
const FIELDS = [
  'kind',
  'key',
  'generation',
  'version',
  'hlc',
  'expiresAt',
  'value',
  'meta',
] as const satisfies readonly (keyof Op)[];

const isAlike = (a: Op, b: Op): boolean =>
  sameHash(carriedHash(a), carriedHash(b)) && FIELDS.every((field) => a[field] === b[field]);

export class Ledger {
  /** By origin, in order of seq from 1. */
  readonly #ops = new Map<string, Op[]>();
  /** By origin, at each index the sum of the hashes of that many ops. */
  readonly #sums = new Map<string, Hash[]>();

  get size(): number {
    let size = 0;
    for (const ops of this.#ops.values()) size += ops.length;
    return size;
  }

  /** Takes in an op that was born and committed. @returns what is wrong with it, or null. */
  born(op: Op): string | null {
    const ops = this.#ops.get(op.origin) ?? [];
    const sums = this.#sums.get(op.origin) ?? [ZERO];
    if (op.seq <= ops.length) return `${op.origin}/${op.seq} was born twice`;
    if (op.seq !== ops.length + 1) return `${op.origin}/${op.seq} leaves out a seq`;
    ops.push(op);
    sums.push(add(sums.at(-1) ?? ZERO, carriedHash(op)));
    this.#ops.set(op.origin, ops);
    this.#sums.set(op.origin, sums);
    return null;
  }

  /** Whether an op was born under this id. */
  knows(op: Op): boolean {
    return op.seq <= (this.#ops.get(op.origin)?.length ?? 0);
  }

  /** @returns what is wrong with an op that a node holds, or null. */
  objectionTo(op: Op): string | null {
    const bornAs = this.#ops.get(op.origin)?.[op.seq - 1];
    if (bornAs === undefined)
      return `${op.origin}/${op.seq} was told before its origin committed it`;
    return isAlike(op, bornAs) ? null : `${op.origin}/${op.seq} is not the op that was born`;
  }

  /** The sum that every node must have for the origin's first ops. */
  sumAt(origin: string, seq: number): Hash | undefined {
    return seq === 0 ? ZERO : this.#sums.get(origin)?.[seq];
  }

  /** Per key the greatest op among those that the vector stands for. */
  greatest(vector: ReadonlyMap<string, number>): Map<string, KeyOp> {
    const greatest = new Map<string, KeyOp>();
    for (const [origin, ops] of this.#ops) {
      for (const op of ops.slice(0, vector.get(origin) ?? 0)) {
        if (op.kind !== 'put' && op.kind !== 'delete') continue;
        const entry = greatest.get(op.key);
        if (entry === undefined || beats(op, entry)) greatest.set(op.key, op);
      }
    }
    return greatest;
  }
}
