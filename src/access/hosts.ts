/**
 * The names by which a node may be asked (`Host`, RFC 9110, section 7.2). A page of any site can let its
 * own name point to this machine once it has been loaded (DNS rebinding), and then reads a node that
 * listens for this machine alone. Such a request has the site's name as its host.
 */
export interface HostRule {
  /** Names that pass besides those of this machine; null: every name passes. */
  readonly allowed: ReadonlySet<string> | null;
}

/**
 * @param host the header, with or without a port; undefined passes, for only HTTP/1.0 may leave it out.
 */
export function admitsHost({ allowed }: HostRule, host: string | undefined): boolean {
  if (allowed === null || host === undefined) return true;
  const name = nameOf(host);
  return isOfThisMachine(name) || allowed.has(name);
}

/** The name without its port and without the dot that ends a full name. */
const nameOf = (host: string): string => host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');

/** No name server is asked for an address, nor for these names (RFC 6761, section 6.3). */
const isOfThisMachine = (name: string): boolean =>
  name === 'localhost' ||
  name.endsWith('.localhost') ||
  /^\d{1,3}(\.\d{1,3}){3}$/.test(name) ||
  /^\[[0-9a-f:.]+\]$/.test(name);
