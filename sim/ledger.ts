/**
 * Every op ever committed, kept outside the nodes, with the rules that decide which op shows.
 *
 * The rules are written again here, from `ARCHITECTURE.md` and not from the source: an oracle that
 * shared the nodes' order of ops could not find a fault in it.
 */
import { add, carriedHash, type Hash, sameHash, ZERO } from '../src/words/hash.ts';
import { type KeyOp, type Op, type Put, sameOp } from '../src/words/op.ts';
import { Sealed } from './sealed.ts';

/** Rule 1: whether `a` is greater than `b` among the ops of one key. */
export function beats(a: KeyOp, b: KeyOp): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation;
  if (a.version !== b.version) return a.version > b.version;
  if (a.kind !== b.kind) return a.kind === 'delete';
  if (a.hlc !== b.hlc) return a.hlc > b.hlc;
  return a.origin === b.origin ? a.seq > b.seq : a.origin > b.origin;
}

/** Rule 4: what reads as absent. */
export const readsAbsent = (entry: Pick<KeyOp, 'kind' | 'expiresAt'>, atMs: number): boolean =>
  entry.kind === 'delete' || (entry.expiresAt !== null && atMs >= entry.expiresAt);

/** All fields of an op: two ops of one id must be alike in each. */
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

/** Those of the fields that come before the id in rule 1. */
const DECIDING = ['generation', 'version', 'kind', 'hlc'] as const;

/** As much of an op as says which it is. */
export type OpHead = Pick<Op, 'kind' | 'key' | 'origin' | 'seq' | 'hashHigh' | 'hashLow'>;

/** For people. */
export const kindAndId = (op: OpHead | undefined): string =>
  op === undefined ? 'nothing' : `${op.kind} ${op.origin}/${op.seq}`;

/** One op id may stand for two ops where a log was copied. */
export const isSameOp = (a: OpHead | undefined, b: OpHead | undefined): boolean =>
  a === undefined || b === undefined
    ? a === b
    : sameOp(a, b) && sameHash(carriedHash(a), carriedHash(b));

/** Rule 11: whether `later` is `op` with another birth, as a repair writes it. */
export const isBornAgain = (later: Op, op: Op): boolean =>
  !isSameOp(later, op) && FIELDS.every((field) => field === 'hlc' || later[field] === op[field]);

/**
 * Rule 12: whether `later` is `op` under another id, as a node offers it that had begun anew. It may have the next
 * HLC: an op that had won a race by its origin alone still wins under another one.
 */
export const isCopy = (later: Op, op: Op): boolean =>
  !isSameOp(later, op) &&
  FIELDS.every(
    (field) => later[field] === op[field] || (field === 'hlc' && later.hlc === op.hlc + 1),
  );

/** Rule 12: whether `later` is `op` under another id, with the next HLC. */
const isJustAbove = (later: KeyOp, op: KeyOp): boolean =>
  isBornAgain(later, op) && later.hlc === op.hlc + 1;

/** Rule 1: the other op is alike in all else that decides, and its id does not put it above. A fork has two ops under one id. */
const isBeatenById =
  (op: KeyOp) =>
  (other: KeyOp): boolean =>
    !isSameOp(op, other) &&
    !beats(other, op) &&
    DECIDING.every((field) => op[field] === other[field]);

const isAlike = (a: Op, b: Op): boolean =>
  sameHash(carriedHash(a), carriedHash(b)) && FIELDS.every((field) => a[field] === b[field]);

/**
 * An op as it was born, after the op that its log held before it. An origin whose log was copied may
 * have several ops under one id: then its links are a tree, and a log holds one branch of it.
 */
export interface Link {
  readonly origin: string;
  readonly seq: number;
  /** Of the hashes of the ops of this branch, up to this one. */
  readonly sum: Hash;
  /** Null at the root, which stands for no op at all. */
  readonly op: Op | null;
  readonly parent: Link | null;
  readonly children: Link[];
  /** Of the log that it was born in, then. */
  readonly clusterId: string | null;
  /** Whether a client was told that the op is stored. */
  isAcknowledged: boolean;
  /**
   * Whether it was born in a log that had lost what it had told that it holds, before that came back:
   * others may have collected what beats it.
   */
  isBehind: boolean;
  /** Whether the disk that held it gave it up before any other did: it may be lost for good. */
  mayBeLost: boolean;
  /** Whether a node has told that it does not put it again, as the cluster that it rejoined deleted the key later. */
  hasGivenWay: boolean;
}

const newLink = (
  origin: string,
  op: Op | null,
  parent: Link | null,
  clusterId: string | null = null,
): Link => ({
  origin,
  seq: op?.seq ?? 0,
  sum: op === null || parent === null ? ZERO : add(parent.sum, carriedHash(op)),
  op,
  parent,
  children: [],
  clusterId,
  isAcknowledged: false,
  isBehind: false,
  mayBeLost: false,
  hasGivenWay: false,
});

type OpIdentity = Pick<Op, 'origin' | 'seq'>;

export class Ledger {
  /** Whether a log was copied by hand in this world, which alone may bring two ops under one id. */
  readonly mayFork: boolean;
  readonly #roots = new Map<string, Link>();
  /** By op id, all links that bear it. */
  readonly #links = new Map<string, Link[]>();
  /** Origins that two nodes went on under. */
  readonly clonedOrigins = new Set<string>();
  /** Origins with two ops under one id. */
  readonly #forked = new Set<string>();
  readonly #onKey = new Map<string, KeyOp[]>();
  readonly #leftOut = new Map<string, KeyOp[]>();
  /** By value. */
  readonly #puts = new Map<string, Put[]>();
  /** By all ops that were born. */
  readonly sealed = new Sealed();
  readonly #mayDiffer: boolean;
  #hasBehind = false;
  #retirements = 0;
  #size = 0;

  /**
   * @param mayDiffer whether all clocks are ahead for a while: one node collects by them what another
   *   still holds when they are set right, and a repair settles that.
   */
  constructor(mayFork: boolean, mayDiffer: boolean) {
    this.mayFork = mayFork;
    this.#mayDiffer = mayDiffer;
  }

  get size(): number {
    return this.#size;
  }

  /** How many `retire` ops were born. */
  get retirements(): number {
    return this.#retirements;
  }

  get forkedOrigins(): ReadonlySet<string> {
    return this.#forked;
  }

  /** The branch of an origin in a log that holds nothing of it. */
  root(origin: string): Link {
    const root = this.#roots.get(origin) ?? newLink(origin, null, null);
    this.#roots.set(origin, root);
    return root;
  }

  /** Whether anything was put in that a repair may have to mend. */
  get isDamaged(): boolean {
    return this.#forked.size > 0 || this.#hasBehind || this.#mayDiffer;
  }

  /** Whether any op was born behind: see `isBehind`. */
  get hasBehind(): boolean {
    return this.#hasBehind;
  }

  /** The op was born behind: see `isBehind`. */
  markBehind(link: Link): void {
    link.isBehind = true;
    this.#hasBehind = true;
  }

  /** Whether an op is held that was born behind. */
  isBehind(op: OpHead): boolean {
    return this.linksOf(op).some((link) => link.isBehind && isSameOp(link.op ?? undefined, op));
  }

  /** Takes in an op that was born and committed, after the link that its log held. */
  born(op: Op, parent: Link, clusterId: string | null): Link {
    const link = newLink(op.origin, op, parent, clusterId);
    if (parent.children.length > 0) this.#forked.add(op.origin);
    parent.children.push(link);
    if (op.kind === 'retire') this.#retirements++;
    this.sealed.take(op);
    if (op.kind === 'put' || op.kind === 'delete') {
      const ofKey = this.#onKey.get(op.key);
      if (ofKey === undefined) this.#onKey.set(op.key, [op]);
      else ofKey.push(op);
    }
    if (op.kind === 'put') this.#puts.set(op.value, [...(this.#puts.get(op.value) ?? []), op]);
    const id = idOf(op);
    const links = this.#links.get(id);
    if (links === undefined) this.#links.set(id, [link]);
    else links.push(link);
    this.#size++;
    return link;
  }

  /** Rule 12: whether an op of this content was born before, under another id. */
  isOffer(op: KeyOp): boolean {
    const before = this.#onKey.get(op.key) ?? [];
    return before.some(
      (other) => isCopy(op, other) || (isJustAbove(op, other) && before.some(isBeatenById(other))),
    );
  }

  /** A node that had begun anew has told that it leaves this op out, since nobody can decide about it. */
  leaveOut(id: OpIdentity): void {
    for (const { op } of this.linksOf(id))
      if (op?.kind === 'put' || op?.kind === 'delete')
        this.#leftOut.set(op.key, [...(this.#leftOut.get(op.key) ?? []), op]);
  }

  /** A node that had begun anew has told that it does not put this op again, as the cluster deleted the key later. */
  giveWay(id: OpIdentity): void {
    for (const link of this.linksOf(id)) link.hasGivenWay = true;
  }

  leftOut(key: string): readonly KeyOp[] {
    return this.#leftOut.get(key) ?? [];
  }

  /** Whether this very op was born before. */
  knows(op: Op): boolean {
    return this.linksOf(op).some((link) => link.op !== null && isAlike(op, link.op));
  }

  /** All that were born under this id. */
  linksOf(op: OpIdentity): readonly Link[] {
    return this.#links.get(idOf(op)) ?? [];
  }

  /** The link of an op that comes after `parent`; undefined where no such op was born. */
  after(parent: Link, op: Op): Link | undefined {
    return parent.children.find((link) => link.op !== null && isAlike(op, link.op));
  }

  /** @returns what is wrong with an op that a node holds, or null. */
  objectionTo(op: Op): string | null {
    if (this.linksOf(op).length === 0) return `${idOf(op)} was told before its origin committed it`;
    return this.knows(op) ? null : `${idOf(op)} is not the op that was born`;
  }

  /** The branch that has this sum at this seq. */
  withSum(origin: string, seq: number, sum: Hash): Link | undefined {
    if (seq === 0) return this.root(origin);
    return this.linksOf({ origin, seq }).find((link) => sameHash(link.sum, sum));
  }

  /**
   * When this put was last written under another id, as an HLC: before a rejoin, or a repair. Clients
   * number what they write, but for a few values, of which this says nothing.
   */
  lastWritten(put: KeyOp): number | undefined {
    if (put.value === null || !/^"\d/.test(put.value)) return undefined;
    let last: number | undefined;
    for (const op of this.#puts.get(put.value) ?? [])
      if (op.key === put.key && op.hlc < put.hlc) last = Math.max(last ?? 0, op.hlc);
    return last;
  }

  /** Every op that was born. */
  *all(): IterableIterator<Link> {
    for (const links of this.#links.values()) yield* links;
  }
}

const idOf = ({ origin, seq }: OpIdentity): string => `${origin}/${seq}`;

/** The links up to those given, each once. */
export function heldLinks(heads: Iterable<Link>): Set<Link> {
  const held = new Set<Link>();
  for (const head of heads)
    for (let link: Link | null = head; link?.op != null && !held.has(link); link = link.parent)
      held.add(link);
  return held;
}

/** Per key the greatest op among the links. */
export function greatestOf(links: Iterable<Link>): Map<string, KeyOp> {
  const greatest = new Map<string, KeyOp>();
  for (const { op } of links) {
    if (op?.kind !== 'put' && op?.kind !== 'delete') continue;
    const entry = greatest.get(op.key);
    if (entry === undefined || beats(op, entry)) greatest.set(op.key, op);
  }
  return greatest;
}
