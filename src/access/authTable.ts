/** The callers that a file of tokens makes, found by the digest of their tokens. */
import { type AuthFile, type Grant, idOfCertificate } from './authFile.ts';
import { anonymousCaller, type Caller, type Proof } from './caller.ts';
import { isScope } from './scopes.ts';

export interface AuthTable {
  /** By `digestOf` of the token. */
  readonly callers: ReadonlyMap<string, Caller>;
  /** By the name in a certificate. */
  readonly certificates: ReadonlyMap<string, Caller>;
  /** A caller that shows nothing. */
  readonly anonymous: Caller;
  readonly proofs: ReadonlySet<Proof>;
}

/** The ids of the tokens that differ between two tables. */
export interface TableChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/**
 * The table of a file.
 *
 * @param before callers whose rows are as they were stay the same objects, so that their watches go on.
 */
export function authTable(file: AuthFile, before?: AuthTable): AuthTable {
  const callers = new Map<string, Caller>();
  for (const row of file.tokens) {
    const digest = Buffer.from(row.hash.slice('sha256:'.length), 'hex').toString('latin1');
    callers.set(digest, kept(callerOf(row.id, row), before?.callers.get(digest)));
  }
  const certificates = new Map<string, Caller>();
  for (const row of file.certificates ?? []) {
    const { name } = row;
    const made = callerOf(idOfCertificate(name), row);
    certificates.set(name, kept(made, before?.certificates.get(name)));
  }
  const scopes = (file.anonymous?.scopes ?? []).filter((scope) => isScope(scope));
  const nobody = anonymousCaller(scopes, file.anonymous?.prefixes ?? null);
  const anonymous =
    before?.anonymous.proof.grant === nobody.proof.grant ? before.anonymous : nobody;
  return tableOf(callers, anonymous, certificates);
}

const kept = (made: Caller, old: Caller | undefined): Caller =>
  old?.proof.grant === made.proof.grant ? old : made;

export const tableOf = (
  callers: ReadonlyMap<string, Caller>,
  anonymous: Caller,
  certificates: ReadonlyMap<string, Caller> = new Map(),
): AuthTable => ({
  callers,
  certificates,
  anonymous,
  proofs: new Set(
    [...callers.values(), ...certificates.values(), anonymous].map(({ proof }) => proof),
  ),
});

export function changeOf(before: AuthTable, after: AuthTable): TableChange {
  const [old, now] = [grantsOf(before), grantsOf(after)];
  return {
    added: [...now.keys()].filter((id) => !old.has(id)),
    removed: [...old.keys()].filter((id) => !now.has(id)),
    changed: [...now].flatMap(([id, grant]) => (old.has(id) && old.get(id) !== grant ? [id] : [])),
  };
}

const grantsOf = ({ proofs }: AuthTable): Map<string, string> =>
  new Map([...proofs].map(({ id, grant }) => [id, grant]));

const callerOf = (id: string, row: Grant): Caller => ({
  proof: {
    id,
    expiresAt: row.expires === undefined ? null : Date.parse(row.expires),
    grant: JSON.stringify(row),
    isListed: true,
  },
  scopes: new Set(row.scopes),
  prefixes: row.prefixes ?? null,
  limits: { rps: row.limits?.rps ?? null, watchers: row.limits?.watchers ?? null },
});
