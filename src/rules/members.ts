/**
 * The members of the cluster (rule 8): the fold of the `join` and `retire` ops. A retired origin never
 * comes back, in whichever order the two ops arrive.
 */
import type { Membership, OpId } from '../words/op.ts';
import { memberUrl } from '../words/opRules.ts';

export interface Member {
  readonly origin: string;
  readonly nodeId: string;
  /** The URL at which peers dial it; null if it named none. */
  readonly url: string | null;
}

export class Members {
  readonly #members = new Map<string, Member>();
  readonly #retired = new Map<string, Member>();
  /** By origin, the `join` with the latest name and URL. */
  readonly #joins = new Map<string, Membership>();
  readonly #retires: OpId[] = [];
  readonly #ops: Membership[] = [];

  fold(op: Membership): void {
    const origin = op.key;
    this.#ops.push(op);
    if (op.kind === 'join') {
      // A member that starts under another name or URL says so by a later `join`; the two may arrive in
      // either order.
      const before = this.#joins.get(origin);
      if (before !== undefined && !isLater(op, before)) return;
      this.#joins.set(origin, op);
      const member = describeMember(origin, op.value);
      if (this.#retired.has(origin)) this.#retired.set(origin, member);
      else this.#members.set(origin, member);
      return;
    }
    const member = this.#members.get(origin) ?? describeMember(origin, null);
    this.#members.delete(origin);
    if (!this.#retired.has(origin)) this.#retired.set(origin, member);
    this.#retires.push(op);
  }

  get size(): number {
    return this.#members.size;
  }

  has(origin: string): boolean {
    return this.#members.has(origin);
  }

  get(origin: string): Member | undefined {
    return this.#members.get(origin);
  }

  /** Whether the member named a URL that nobody can dial, which counts as null. */
  hasUnusableUrl(origin: string): boolean {
    const said = partsOf(this.#joins.get(origin)?.value ?? null).url ?? null;
    return said !== null && this.#members.get(origin)?.url === null;
  }

  isRetired(origin: string): boolean {
    return this.#retired.has(origin);
  }

  all(): IterableIterator<Member> {
    return this.#members.values();
  }

  retired(): IterableIterator<Member> {
    return this.#retired.values();
  }

  /** The ids of the `retire` ops: rule 9 waits until every member holds them. */
  get retires(): readonly OpId[] {
    return this.#retires;
  }

  /** Every `join` and `retire`, in order of arrival. */
  ops(): Membership[] {
    return [...this.#ops];
  }

  /** The smallest origin; it decides between two sides that retired each other. */
  smallest(): string | null {
    let smallest: string | null = null;
    for (const origin of this.#members.keys())
      if (smallest === null || origin < smallest) smallest = origin;
    return smallest;
  }

  /** The names that the member ever had, the present one last. */
  namesOf(origin: string): string[] {
    return [...new Set(this.#everOf(origin).map(({ nodeId }) => nodeId))];
  }

  /** The URLs that the member ever named as its own, the present one last. */
  urlsOf(origin: string): string[] {
    const urls = this.#everOf(origin).map(({ url }) => url);
    return [...new Set(urls.filter((url) => url !== null))];
  }

  /** Each name and URL that a `join` gave the member, the latest last. */
  #everOf(origin: string): Member[] {
    const joins = this.#ops.filter(({ kind, key }) => kind === 'join' && key === origin);
    const inOrder = joins.sort((a, b) => (isLater(a, b) ? 1 : -1));
    return inOrder.map(({ value }) => describeMember(origin, value));
  }

  clear(): void {
    this.#joins.clear();
    this.#members.clear();
    this.#retired.clear();
    this.#retires.length = 0;
    this.#ops.length = 0;
  }
}

/** The member that a `join` admits, as the op's value. */
export const memberValue = (nodeId: string, url: string | null): string =>
  JSON.stringify({ nodeId, url });

/** By HLC, then by op id: the same on every node. */
function isLater(a: Membership, b: Membership): boolean {
  if (a.hlc !== b.hlc) return a.hlc > b.hlc;
  return a.origin === b.origin ? a.seq > b.seq : a.origin > b.origin;
}

/** A value in another version's form gives only the origin. */
function describeMember(origin: string, value: string | null): Member {
  const { nodeId, url } = partsOf(value);
  return {
    origin,
    nodeId: typeof nodeId === 'string' ? nodeId : nodeIdOf(origin),
    // Logs of 0.1.0 hold URLs that nobody can dial.
    url: typeof url === 'string' ? memberUrl(url) : null,
  };
}

function partsOf(value: string | null): { readonly nodeId?: unknown; readonly url?: unknown } {
  if (value === null) return {};
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

/** An origin is the node's id, a dot and random characters. */
export const nodeIdOf = (origin: string): string => origin.slice(0, origin.lastIndexOf('.'));
