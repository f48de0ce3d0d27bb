/** Requests to private listeners of any region: those of another region go through the link. */
import { fetch as fetchThrough, ProxyAgent } from 'undici';

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
  const through = linkUrl === null ? null : new ProxyAgent({ uri: linkUrl, proxyTunnel: true });
  return (region, url, request) =>
    through === null || region === ownRegion
      ? fetch(url, { ...request, redirect: 'error' })
      : fetchThrough(url, { ...request, redirect: 'error', dispatcher: through });
}
