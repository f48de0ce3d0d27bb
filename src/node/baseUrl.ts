/** The URL of a node as a person gives it. */

/** Scheme, host and port, so that two ways to write them are one; null if the text is no base URL. */
export function baseUrlOf(text: string): string | null {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  // A path, a query or a user would be lost silently when the paths of requests are added.
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
    ? url.origin
    : null;
}
