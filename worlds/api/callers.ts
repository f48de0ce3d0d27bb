/** Rule 11 at an api: players come with access tokens, operators with service tokens for `api`. */
import type { AccessClaims } from '../access/accessToken.ts';
import type { AccessVerifier } from '../access/accessVerifier.ts';
import { bearerOf, type ServiceGuard } from '../access/serviceTokens.ts';
import type { JsonRequest } from '../http/jsonApp.ts';
import { Problem, unauthorized } from '../http/problem.ts';
import { type Action, mayDo, type Role, scopeAllows } from '../rules/grants.ts';

/** The target of service tokens, the same for the apis of all regions: any of them may answer. */
export const API_TARGET = 'api';

export interface Caller {
  /** Id of a player, or the role itself. */
  readonly who: string;
  readonly role: Role;
}

export class Callers {
  readonly #verifier: Pick<AccessVerifier, 'verify' | 'known'>;
  readonly #guard: ServiceGuard;

  constructor(verifier: Pick<AccessVerifier, 'verify' | 'known'>, guard: ServiceGuard) {
    this.#verifier = verifier;
    this.#guard = guard;
  }

  /** @throws Problem 401 without a valid access token, 403 if its scope does not allow the action. */
  async player(request: JsonRequest, action: Action): Promise<AccessClaims> {
    const claims = await this.#claims(request);
    if (claims === null) throw unauthorized('Show an access token that has not ended.');
    checkPlayer(claims, action);
    return claims;
  }

  /**
   * Takes a player or a role.
   *
   * @throws Problem 401 without a valid token, 403 if the caller may not do this.
   */
  async anyone(request: JsonRequest, action: Action): Promise<Caller> {
    const claims = await this.#claims(request);
    if (claims === null) {
      const role = await this.#guard.admit(request.header('Authorization'), action);
      return { who: role, role };
    }
    checkPlayer(claims, action);
    return { who: claims.player, role: 'player' };
  }

  /** @returns the player of a token that was verified before; null: only `player` or `anyone` can tell. */
  known(authorization: string, action: Action): Caller | null {
    const claims = this.#verifier.known(bearerOf(authorization));
    if (claims === null || !mayDo('player', action) || !scopeAllows(claims.scope, action))
      return null;
    return { who: claims.player, role: 'player' };
  }

  #claims(request: JsonRequest): Promise<AccessClaims | null> {
    return this.#verifier.verify(bearerOf(request.header('Authorization')));
  }
}

function checkPlayer({ scope }: AccessClaims, action: Action): void {
  if (!mayDo('player', action)) throw new Problem(403, 'forbidden', 'Players may not do this.');
  if (!scopeAllows(scope, action))
    throw new Problem(403, 'scope', 'The scope of the access token does not allow this.');
}
