/**
 * Looks up the names of the configured URLs again and again: behind one name there may be several nodes, and
 * others later, as with a headless service of Kubernetes.
 */
import { isIP } from 'node:net';

/** Time between two looks, in milliseconds: as long as name servers of clusters let their answers live. */
const INTERVAL_MS = 5000;
/** More addresses of a name are left out. */
const MAX_ADDRESSES = 64;

export interface NameResolverOptions {
  /** The configured URLs of peers. */
  readonly urls: readonly string[];
  /** @returns the addresses of a name. Rejects where it has none, or where nobody knows. */
  readonly lookup: (name: string) => Promise<readonly string[]>;
  /** Called with the URLs to which the name of a configured URL leads, in order, where they have changed. */
  readonly resolved: (url: string, addresses: readonly string[]) => void;
}

export class NameResolver {
  readonly #options: NameResolverOptions;
  readonly #named: readonly URL[];
  readonly #last = new Map<string, string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: NameResolverOptions) {
    this.#options = options;
    this.#named = options.urls.map((url) => new URL(url)).filter(hasName);
  }

  /** Looks now, and from now on every five seconds. Without a name there is nothing to look up. */
  start(): void {
    if (this.#named.length === 0 || this.#timer !== null) return;
    void this.look();
    this.#timer = setInterval(() => void this.look(), INTERVAL_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Looks up each name once. A name that can't be looked up keeps its last addresses. */
  async look(): Promise<void> {
    await Promise.all(this.#named.map((url) => this.#lookUp(url).catch(() => {})));
  }

  async #lookUp(url: URL): Promise<void> {
    const { lookup, resolved } = this.#options;
    const addresses = [...new Set(await lookup(url.hostname))].sort().slice(0, MAX_ADDRESSES);
    const urls = addresses.map((address) => withHost(url, address));
    const text = urls.join();
    if (this.#last.get(url.origin) === text) return;
    this.#last.set(url.origin, text);
    resolved(url.origin, urls);
  }
}

/** Addresses stand for themselves, and `localhost` for one machine, however many addresses that has. */
const hasName = ({ hostname }: URL): boolean =>
  hostname !== 'localhost' && isIP(hostname.replace(/^\[|\]$/g, '')) === 0;

function withHost(url: URL, address: string): string {
  const one = new URL(url);
  one.hostname = isIP(address) === 6 ? `[${address}]` : address;
  return one.origin;
}
