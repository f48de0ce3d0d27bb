/** Identity and an api over real sockets, on the cache that the test gives. */
import { join } from 'node:path';
import { AccessVerifier } from '../../access/accessVerifier.ts';
import { NO_AUDIT } from '../../access/audit.ts';
import { openGuard } from '../../access/serviceTokens.ts';
import { apiApp } from '../../api/apiApp.ts';
import { API_TARGET, Callers } from '../../api/callers.ts';
import type { Joins } from '../../api/joins.ts';
import type { Watchers } from '../../api/watchers.ts';
import type { WorldsView } from '../../api/worldsView.ts';
import { listen } from '../../http/jsonApp.ts';
import { Identity } from '../../identity/identity.ts';
import { identityApp } from '../../identity/identityApp.ts';
import { IdentityStore } from '../../identity/identityStore.ts';
import { KeyRotation } from '../../identity/keyRotation.ts';
import { type Cache, HearsayError } from '../../tables/cache.ts';
import { keyOf } from '../../tables/keys.ts';
import { Configurations, Revocations } from '../../tables/operatorTables.ts';
import { PlayerRecords } from '../../tables/playerRecords.ts';
import { revocationSchema } from '../../tables/schemas.ts';
import { TableMirror } from '../../tables/tableMirror.ts';

const HOST = '127.0.0.1';
const ISSUER = 'https://worlds.example.com';

export interface PlayerServicesOptions {
  /** Of the keys between processes. */
  readonly directory: string;
  readonly cache: Cache;
  readonly view: WorldsView;
  readonly watchers: Watchers;
  readonly joins: Joins;
}

export async function startPlayerServices(options: PlayerServicesOptions) {
  const { directory, cache, view, watchers, joins } = options;
  await using starting = new AsyncDisposableStack();
  const isOutOfReach = (error: unknown): boolean => error instanceof HearsayError;
  const faults: unknown[] = [];
  const onFault = (error: unknown): void => void faults.push(error);
  const now = (): number => Date.now();
  const store = starting.use(new IdentityStore(':memory:'));
  const keys = new KeyRotation(store);
  const records = new PlayerRecords(cache);
  const revocations = new Revocations(cache);
  const identity = new Identity({
    store,
    keys,
    issuer: ISSUER,
    now,
    retentionMs: 0,
    audit: NO_AUDIT,
    playerKeys: {
      revoke: (subject, reason) => revocations.revoke(subject, reason),
      remove: (player) => records.remove(player),
    },
  });
  const identityAt = starting.use(
    await listen(
      identityApp({ identity, keys, issuer: ISSUER, now, onFault, isOutOfReach }),
      HOST,
      0,
    ),
  );
  const revoked = starting.use(new TableMirror(cache, 'revoked', revocationSchema));
  const verifier = starting.use(
    new AccessVerifier({
      jwksUrl: `${identityAt.url}/.well-known/jwks.json`,
      file: join(directory, 'jwks'),
      issuer: ISSUER,
      isRevoked: (subject) => revoked.get(keyOf('revoked', subject)) !== undefined,
    }),
  );
  await verifier.start();
  const apiAt = starting.use(
    await listen(
      apiApp({
        view,
        joins,
        watchers,
        records,
        onFault,
        isOutOfReach,
        revocations,
        now,
        callers: new Callers(verifier, await openGuard(directory, API_TARGET)),
        configurations: new Configurations(cache),
        audit: NO_AUDIT,
      }),
      HOST,
      0,
    ),
  );
  const ends = starting.move();
  return {
    identityUrl: identityAt.url,
    apiUrl: apiAt.url,
    verifier,
    revocations,
    faults,
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}
