/**
 * Requests to private listeners of any region: those of another region go through the link. The library that can do so
 * is loaded by the first of them: it takes a fifth of the start of a process.
 */

export interface RegionRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface RegionAnswer {
  readonly ok: boolean;
  readonly status: number;
  json(): Promise<unknown>;
}

/** @throws Error if nothing answers in time. A redirect is an error. */
export type RegionFetch = (
  region: string,
  url: string,
  request: RegionRequest,
) => Promise<RegionAnswer>;

/**
 * @param ownRegion asked without a detour.
 * @param linkUrl base URL of the crossing out of the own region; null: the network has its own ways.
 */
export function regionFetch(ownRegion: string, linkUrl: string | null): RegionFetch {
  let through: Promise<RegionFetch> | null = null;
  return async (region, url, request) => {
    if (linkUrl === null || region === ownRegion)
      return fetch(url, { ...request, redirect: 'error' });
    through ??= openThrough(linkUrl);
    return (await through)(region, url, request);
  };
}

async function openThrough(linkUrl: string): Promise<RegionFetch> {
  // In a bundle, a package of CommonJS that is loaded when it is needed has no other names.
  const { fetch: fetchThrough, ProxyAgent } = (await import('undici')).default;
  const dispatcher = new ProxyAgent({ uri: linkUrl, proxyTunnel: true });
  return (_region, url, request) =>
    fetchThrough(url, { ...request, redirect: 'error', dispatcher });
}
