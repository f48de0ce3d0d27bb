/**
 * The URLs to dial, and the time of each dial. It holds the configured URLs and those of members, and
 * dials each that is neither connected nor this node itself, with exponential back-off and equal jitter
 * (Brooker, "Exponential Backoff And Jitter", 2015).
 */
import { nextRandom, type Random } from '../../words/random.ts';

export interface DialSettings {
  /** The first wait after a failure, in milliseconds; it doubles with each further one. */
  readonly firstRedialMs: number;
  /** The longest wait, in milliseconds. */
  readonly maxRedialMs: number;
  /** The most members of a cluster: no more addresses are remembered beside the configured ones. */
  readonly maxMembers: number;
}

/** After this number of failed dials, the URL of a peer that is no member is forgotten. */
const STRANGER_FAILURES = 8;

export interface Address {
  readonly url: string;
  isConfigured: boolean;
  /** Whether it is dialled; beyond a full mesh only some are (`Links`). */
  isWanted: boolean;
  /** The configured URL whose name leads to this address; null for all others. */
  readonly of: string | null;
  /** The member that names this URL as its own, whether or not it answers there. */
  member: string | null;
  /** `several`: the URL's name leads to several addresses, and each has a row of its own. */
  state: 'idle' | 'dialling' | 'connected' | 'self' | 'several';
  /** The origin that last said hello at this URL; null before. */
  origin: string | null;
  nodeId: string | null;
  /** The reason why the last dial failed; null if none has failed since the last success. */
  reason: string | null;
  /**
   * Whether one of the two nodes refused the other when they met last. A peer that says hello may refuse this
   * node again, so that holds until it says more.
   */
  refused: boolean;
  failures: number;
  nextDialAt: number;
}

/** The wait before a URL that led to this node itself is dialled again, in milliseconds. */
export const SELF_REDIAL_MS = 60_000;
/**
 * The most dials in one second to URLs that peers named. It is no setting: a greater number would only
 * serve peers that make nodes dial others.
 */
export const MAX_DIALS_A_SECOND = 10;

export class AddressBook {
  readonly #settings: DialSettings;
  readonly #addresses = new Map<string, Address>();
  #secondAt = Number.NEGATIVE_INFINITY;
  #dialsInSecond = 0;

  constructor(urls: readonly string[], settings: DialSettings) {
    this.#settings = settings;
    for (const url of urls) this.add(url, true);
  }

  get all(): IterableIterator<Address> {
    return this.#addresses.values();
  }

  /** Whether every address is connected, or is this node itself. */
  allAnswered(): boolean {
    for (const { state } of this.#addresses.values())
      if (state !== 'connected' && !leadsToNoOther(state)) return false;
    return true;
  }

  /** Whether a dial to every address has ended at least once. */
  allTried(): boolean {
    for (const { state, failures, isWanted } of this.#addresses.values())
      if (isWanted && failures === 0 && (state === 'idle' || state === 'dialling')) return false;
    return true;
  }

  /**
   * Whether no dial to the origin has ended since the start. Only the origin itself answers at its URL.
   */
  isUndecided(origin: string): boolean {
    for (const { member, failures, state, isWanted } of this.#addresses.values())
      if (member === origin)
        return isWanted && failures === 0 && (state === 'idle' || state === 'dialling');
    return false;
  }

  /** A member names its URL, which this node dials from now on. */
  addMember(url: string, origin: string): void {
    for (const address of this.#addresses.values())
      if (address.member === origin && address.url !== url) this.#leave(address);
    this.add(url);
    const address = this.#addresses.get(url);
    if (address !== undefined) address.member = origin;
  }

  /** A retired origin is dialled no longer, unless its URL is configured. */
  removeMember(origin: string): void {
    for (const address of this.#addresses.values())
      if (address.member === origin) this.#leave(address);
  }

  /**
   * No member names the URL any more. Where a peer is connected there, it stays until some dials have failed
   * (`forgetStrangers`): for two sides that have retired each other it may be the only way to meet again.
   */
  #leave(address: Address): void {
    address.member = null;
    if (!address.isConfigured && address.state !== 'connected') this.#addresses.delete(address.url);
  }

  /**
   * A peer that never became a member is not dialled for ever: pods that crash in a loop leave many
   * URLs.
   */
  forgetStrangers(isMember: (origin: string) => boolean): void {
    for (const address of this.#addresses.values()) {
      const { isConfigured, member, failures, state, url } = address;
      const isKnown = isConfigured || (member !== null && isMember(member));
      if (!isKnown && state === 'idle' && failures >= STRANGER_FAILURES)
        this.#addresses.delete(url);
    }
  }

  /** The address at which the member is dialled; undefined if none is known. */
  leadingTo(origin: string): Address | undefined {
    return [...this.#addresses.values()].find((address) => nameAt(address) === origin);
  }

  get(url: string): Address | undefined {
    return this.#addresses.get(url);
  }

  /**
   * The name of a configured URL leads to these addresses now. Several are dialled in place of the name, because
   * one dial would reach any of them. Those that are gone are dialled no longer.
   */
  resolved(url: string, addresses: readonly string[]): void {
    const named = this.#addresses.get(url);
    if (named === undefined || !named.isConfigured || named.of !== null) return;
    const several = addresses.length > 1 ? new Set(addresses) : new Set<string>();
    for (const address of this.#addresses.values())
      if (address.of === url && !several.has(address.url)) this.#loses(address);
    for (const one of several) this.add(one, true, url);
    if (several.size > 0) named.state = 'several';
    else if (named.state === 'several') Object.assign(named, { state: 'idle', nextDialAt: 0 });
  }

  /** A member that names the address itself is still dialled there. */
  #loses(address: Address): void {
    address.isConfigured = false;
    if (address.member === null) this.#addresses.delete(address.url);
  }

  add(url: string, isConfigured = false, of: string | null = null): void {
    if (this.#addresses.has(url)) return;
    if (!isConfigured && this.#told() >= this.#settings.maxMembers) return;
    this.#addresses.set(url, {
      url,
      isConfigured,
      isWanted: true,
      of,
      member: null,
      state: 'idle',
      origin: null,
      nodeId: null,
      reason: null,
      refused: false,
      failures: 0,
      nextDialAt: 0,
    });
  }

  #told(): number {
    let told = 0;
    for (const { isConfigured } of this.#addresses.values()) if (!isConfigured) told++;
    return told;
  }

  /** Marks the due addresses as being dialled. @returns their URLs. */
  takeDue(nowMs: number): string[] {
    const due: string[] = [];
    if (nowMs - this.#secondAt >= 1000) [this.#secondAt, this.#dialsInSecond] = [nowMs, 0];
    for (const address of this.#addresses.values()) {
      // A configured URL does not wait for URLs that peers told.
      if (!address.isConfigured && this.#dialsInSecond >= MAX_DIALS_A_SECOND) continue;
      if (!address.isWanted || address.nextDialAt > nowMs) continue;
      if (address.state === 'self') address.nextDialAt = nowMs + SELF_REDIAL_MS;
      else if (address.state === 'idle') address.state = 'dialling';
      else continue;
      if (!address.isConfigured) this.#dialsInSecond++;
      due.push(address.url);
    }
    return due;
  }

  /** The peer at the URL has said hello. */
  greeted(url: string, origin: string, nodeId: string): void {
    const address = this.#addresses.get(url);
    if (address === undefined || address.state === 'several') return;
    Object.assign(address, { state: 'connected', origin, nodeId });
    if (!address.refused) address.reason = null;
  }

  /** The two nodes talk. */
  accepted(origin: string): void {
    for (const address of this.#addresses.values())
      if (address.origin === origin && address.refused)
        Object.assign(address, { refused: false, reason: null });
  }

  /** The node of the URL has dialled this one, and one of the two refused the other. */
  refusedFrom(url: string, reason: string): void {
    const address = this.#addresses.get(url);
    if (address?.state === 'idle' || address?.state === 'dialling')
      Object.assign(address, { refused: true, reason });
  }

  /** Why the node refuses this one, or is refused, although it has just said hello; null if it is not. */
  refusalOf(origin: string): string | null {
    for (const address of this.#addresses.values())
      if (address.origin === origin && address.refused) return address.reason;
    return null;
  }

  /**
   * The URL leads to this node now. Behind a balancer it may lead to another one later.
   *
   * @param nextDialAt infinite for the node's own URL by its settings.
   */
  isSelf(url: string, nextDialAt: number): void {
    const address = this.#addresses.get(url);
    if (address !== undefined && address.state !== 'several')
      Object.assign(address, { state: 'self', nextDialAt });
  }

  /** Whether this node was given addresses, and each of them leads to this node itself. */
  get leadsNowhere(): boolean {
    const configured = [...this.#addresses.values()].filter(({ isConfigured }) => isConfigured);
    return configured.length > 0 && configured.every(({ state }) => leadsToNoOther(state));
  }

  /** The dial, or its connection, has ended. */
  failed(url: string, reason: string, refused: boolean, nowMs: number, random: Random): void {
    const address = this.#addresses.get(url);
    if (address === undefined || leadsToNoOther(address.state)) return;
    address.state = 'idle';
    address.reason = reason;
    address.refused = refused;
    const { firstRedialMs, maxRedialMs } = this.#settings;
    const waitMs = Math.min(maxRedialMs, firstRedialMs * 2 ** Math.min(address.failures, 16));
    address.failures++;
    address.nextDialAt = nowMs + waitMs * (0.5 + nextRandom(random) / 2);
  }

  /** The peer has dialled this node, so its URL rests as long as that connection holds. */
  servedBy(url: string, origin: string): void {
    const address = this.#addresses.get(url);
    if (address === undefined || address.state === 'several') return;
    address.state = 'connected';
    address.origin = origin;
    if (!address.refused) address.reason = null;
  }

  /** The last connection to the origin has ended, so its addresses may be dialled again at once. */
  lost(origin: string, reason: string, nowMs: number): void {
    for (const address of this.#addresses.values()) {
      if (address.origin !== origin || address.state !== 'connected') continue;
      address.state = 'idle';
      if (!address.refused) address.reason = reason;
      address.failures = 0;
      address.nextDialAt = nowMs;
    }
  }
}

/** The member that names the address as its own, or that answered there last; null if neither is known. */
export const nameAt = ({ member, origin }: Address): string | null => member ?? origin;

/** Whether no other node is to answer at the URL itself. */
const leadsToNoOther = (state: Address['state']): boolean =>
  state === 'self' || state === 'several';
