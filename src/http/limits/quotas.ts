/**
 * The quotas of callers, as answers tell them: fields of draft-ietf-httpapi-ratelimit-headers-11, which are
 * lists of RFC 9651, and refusals with their problem types (section 5).
 */
import { Problem, type ProblemType } from '../answer/problem.ts';
import { ABNORMAL_USAGE, QUOTA_EXCEEDED, REDUCED_CAPACITY } from './problems.ts';

/** The names of the policies, as the fields and `violated-policies` have them. */
type Policy = 'requests' | 'watches' | 'wrong-tokens' | 'slow' | 'answers';

/** In seconds: `limits.rps` is a number a second. */
const WINDOW_SECONDS = 1;

/**
 * The fields that tell a caller its bound and its remaining requests.
 *
 * @param rps its bound. @param remaining requests that it may send at once.
 * @returns names and values alternate.
 */
export const rateFields = (rps: number, remaining: number): readonly string[] => [
  'RateLimit-Policy',
  `"requests";q=${rps};w=${WINDOW_SECONDS}`,
  'RateLimit',
  `"requests";r=${remaining};t=${WINDOW_SECONDS}`,
];

export const tooManyRequests = (rps: number, waitMs: number): Problem =>
  refusal('requests', 'The token may send no more requests a second.', {
    waitMs,
    type: QUOTA_EXCEEDED,
    headers: rateFields(rps, 0),
  });

export const tooManyWatches = (): Problem =>
  refusal('watches', 'The token may hold no more watches at one time.', { type: QUOTA_EXCEEDED });

export const tooManyGuesses = (waitMs: number): Problem =>
  refusal('wrong-tokens', 'Too many wrong tokens have come from this address.', {
    waitMs,
    type: ABNORMAL_USAGE,
  });

export const tooManySlow = (): Problem =>
  refusal('slow', 'Too many slow requests are under way: try again, or ask another node.', {
    type: REDUCED_CAPACITY,
  });

export const tooManyAnswers = (): Problem =>
  refusal(
    'answers',
    'Too many answers wait to be read at this address: read them, and try again.',
    {
      type: QUOTA_EXCEEDED,
    },
  );

interface RefusalFacts {
  readonly type: ProblemType;
  readonly waitMs?: number;
  readonly headers?: readonly string[];
}

function refusal(
  policy: Policy,
  detail: string,
  { type, waitMs = 0, headers = [] }: RefusalFacts,
): Problem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new Problem(429, detail, {
    type,
    extensions: { 'violated-policies': [policy] },
    headers: ['Retry-After', String(seconds), ...headers],
  });
}
