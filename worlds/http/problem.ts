/** A refusal that a client gets as problem+json (RFC 9457), with `reason` for programs. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param status of HTTP, 400 to 599.
   * @param reason one word or a few, the same for the same case.
   * @param detail one sentence that says what to do.
   */
  constructor(
    status: number,
    reason: string,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }
}

export const retryAfter = (seconds: number): Readonly<Record<string, string>> => ({
  'Retry-After': String(Math.max(1, Math.ceil(seconds))),
});

export const unauthorized = (detail: string): Problem =>
  new Problem(401, 'token', detail, { 'WWW-Authenticate': 'Bearer' });

export const PROBLEM_TYPE = 'application/problem+json';

/** The body of its answer. */
export const problemText = ({ status, reason, message }: Problem): string =>
  JSON.stringify({ type: 'about:blank', status, reason, detail: message });
