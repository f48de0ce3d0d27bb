/**
 * The problem types of refusals for load (draft-ietf-httpapi-ratelimit-headers-11, section 5). Programs tell
 * by them whether the caller is at its own bound, or the node at its.
 */
import type { ProblemType } from '../answer/problem.ts';

/** The caller has used up its quota. */
export const QUOTA_EXCEEDED: ProblemType = {
  uri: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  title: 'Quota exceeded',
};

/** The node can do less than usual. */
export const REDUCED_CAPACITY: ProblemType = {
  uri: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
  title: 'Temporarily reduced capacity',
};

/** The caller does something that looks like an attack. */
export const ABNORMAL_USAGE: ProblemType = {
  uri: 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected',
  title: 'Abnormal usage detected',
};
