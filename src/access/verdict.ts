/** The dry run of a request: may this caller do it, and if not, why? */
import { type Caller, hasExpired, mayTouch } from './caller.ts';
import type { Scope } from './scopes.ts';

export type Verdict =
  | { readonly isAllowed: true }
  | { readonly isAllowed: false; readonly reason: string };

/**
 * @param key the key, or the prefix of keys; null where none is touched.
 * @param nowMs UTC milliseconds.
 */
export function verdictOn(
  caller: Caller,
  scope: Scope,
  key: string | null,
  nowMs: number,
): Verdict {
  if (hasExpired(caller.proof, nowMs)) return { isAllowed: false, reason: 'it has expired' };
  if (!caller.scopes.has(scope)) {
    const scopes = [...caller.scopes].join(', ');
    return { isAllowed: false, reason: `it lacks the scope ${scope}, and has ${scopes}` };
  }
  if (key !== null && !mayTouch(caller, key)) {
    const prefixes = (caller.prefixes ?? []).join(', ');
    return { isAllowed: false, reason: `its keys begin with ${prefixes}` };
  }
  return { isAllowed: true };
}
