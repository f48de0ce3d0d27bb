/**
 * The members of the cluster (rule 8): the fold of the `join` and `retire` ops. A retired origin never
 * comes back, in whichever order the two ops arrive.
 */
import { formatOpId, type Membership, type OpId } from '../words/op.ts';
import { memberUrl } from '../words/opRules.ts';
import { isCount } from '../words/shape.ts';

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
  /** The origins of `#retired`, in the order of their retirement. */
  readonly #retiredInOrder: string[] = [];
  /** By origin, the `retire` ops of origins that are not closed. */
  readonly #retires = new Map<string, Membership[]>();
  /** By origin, the `retire` that came first. */
  readonly #retireOf = new Map<string, Membership>();
  /** By origin, its closings. */
  readonly #closings = new Map<string, Closing[]>();
  /** The ids of all `retire` ops. */
  readonly #retireIds = new Set<string>();
  readonly #closed = new Set<string>();
  readonly #ops: Membership[] = [];

  fold(op: Membership): void {
    const origin = op.key;
    this.#ops.push(op);
    if (op.kind === 'join') {
      const closing = closingOf(op);
      if (closing !== null)
        this.#closings.set(origin, [...(this.#closings.get(origin) ?? []), closing]);
      // A member that starts under another name or URL says so by a later `join`, whichever comes first.
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
    this.#retireIds.add(formatOpId(op));
    if (!this.#retired.has(origin)) {
      this.#retired.set(origin, member);
      this.#retiredInOrder.push(origin);
      this.#retireOf.set(origin, op);
    }
    if (this.#closed.has(origin)) return;
    this.#retires.set(origin, [...(this.#retires.get(origin) ?? []), op]);
  }

  /** Rule 13: the origin is closed, and every member holds its `retire`. */
  close(origin: string): void {
    this.#closed.add(origin);
    this.#retires.delete(origin);
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

  /** The last name and URL of an origin, also of a retired one. */
  describe(origin: string): Member {
    const known = this.#members.get(origin) ?? this.#retired.get(origin);
    return known ?? describeMember(origin, null);
  }

  /** Whether the member named a URL that nobody can dial, which counts as none. */
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

  /** The origins that were retired after so many others, in that order. */
  retiredAfter(count: number): readonly string[] {
    return this.#retiredInOrder.slice(count);
  }

  /** The `retire` ops of origins that are not closed: rule 9 waits until every member holds them. */
  get retires(): readonly Membership[] {
    return [...this.#retires.values()].flat();
  }

  /** The `retire` ops of one origin, while it is not closed. */
  retiresOf(origin: string): readonly Membership[] {
    return this.#retires.get(origin) ?? [];
  }

  /** The `retire` of an origin that came first; undefined if it is not retired. */
  retireOf(origin: string): Membership | undefined {
    return this.#retireOf.get(origin);
  }

  /**
   * The seq that the log says the origin is closed at; undefined where it says none. A closing counts with the `retire` that it
   * rests on: of two sides that retire each other, one does not hold the other's, and the origin may write on there.
   */
  closingAt(origin: string): number | undefined {
    const closings = this.#closings.get(origin) ?? [];
    const counted = closings.filter(({ by }) => by === null || this.#retireIds.has(by));
    return counted.length === 0 ? undefined : Math.max(...counted.map(({ seq }) => seq));
  }

  /** Whether the last `join` of the origin is later than that of another. */
  joinedLater(origin: string, other: string): boolean {
    const [join, before] = [this.#joins.get(origin), this.#joins.get(other)];
    return join !== undefined && before !== undefined && isLater(join, before);
  }

  /** Every `join` and `retire`, in order of arrival. */
  ops(): Membership[] {
    return [...this.#ops];
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
    this.#retiredInOrder.length = 0;
    this.#retires.clear();
    this.#retireOf.clear();
    this.#closings.clear();
    this.#retireIds.clear();
    this.#closed.clear();
    this.#ops.length = 0;
  }
}

/** Two origins of one place belong to one node, whose log began anew in between. */
export const placeOf = ({ nodeId, url }: Pick<Member, 'nodeId' | 'url'>): string =>
  `${nodeId} ${url}`;

/** The member that a `join` admits, as the op's value. */
export const memberValue = (nodeId: string, url: string | null): string =>
  JSON.stringify({ nodeId, url });

/**
 * The value of a `join` that closes a retired origin. Nodes that know no closing take it for what else a member
 * says of itself.
 *
 * @param closedAt the last seq of the origin. @param by the `retire` that the closing rests on; null where a node says
 *   again that another has closed it.
 */
export const closingValue = (
  { nodeId, url }: Omit<Member, 'origin'>,
  closedAt: number,
  by: OpId | null,
): string => JSON.stringify({ nodeId, url, closedAt, ...(by !== null && { by: formatOpId(by) }) });

/** A `join` that closes its origin. */
interface Closing {
  readonly seq: number;
  /** The id of the `retire` that it rests on; null where none is named, as by nodes up to 0.5.0. */
  readonly by: string | null;
}

/** @returns null if the `join` closes no origin. */
export function closingOf({ value }: Membership): Closing | null {
  const { closedAt, by } = partsOf(value);
  return isCount(closedAt) ? { seq: closedAt, by: typeof by === 'string' ? by : null } : null;
}

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

function partsOf(value: string | null): {
  readonly nodeId?: unknown;
  readonly url?: unknown;
  readonly closedAt?: unknown;
  readonly by?: unknown;
} {
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
