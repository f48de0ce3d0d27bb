/**
 * The accounts and their refresh tokens, in a SQLite file of their own. Each method is one transaction, so
 * the number of a token (`gen`) is given once.
 */
import Database from 'better-sqlite3';
import { z } from 'zod';
import type { RefreshToken } from '../rules/refreshFamily.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS player (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, secret_hash TEXT NOT NULL,
    gen INTEGER NOT NULL, made_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS family (
    sid TEXT PRIMARY KEY, player TEXT NOT NULL, made_at_ms INTEGER NOT NULL, ended INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS family_of_player ON family (player, made_at_ms);
  CREATE TABLE IF NOT EXISTS refresh (
    hash TEXT PRIMARY KEY, sid TEXT NOT NULL, issued_at_ms INTEGER NOT NULL, used_at_ms INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS refresh_of_family ON refresh (sid, issued_at_ms);
  CREATE TABLE IF NOT EXISTS erasure (player TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS key (
    kid TEXT PRIMARY KEY, private_jwk TEXT NOT NULL, signs_from_ms INTEGER NOT NULL
  ) STRICT;
`;

/** Logins of one player at a time; a further one ends the oldest. */
export const MAX_FAMILIES = 20;
/** Used tokens of a family that are remembered, so that their reuse is noticed. */
export const MAX_USED_TOKENS = 100;

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly secretHash: string;
  readonly madeAtMs: number;
}

export interface KnownRefresh extends RefreshToken {
  readonly player: string;
  readonly session: string;
}

export interface StoredKey {
  readonly kid: string;
  /** JSON text. */
  readonly privateJwk: string;
  readonly signsFromMs: number;
}

const accountRow = z.object({
  id: z.string(),
  name: z.string(),
  secret_hash: z.string(),
  made_at_ms: z.number(),
});
const refreshRow = z.object({
  player: z.string(),
  sid: z.string(),
  issued_at_ms: z.number(),
  used_at_ms: z.number().nullable(),
  ended: z.number(),
});
const keyRow = z.object({ kid: z.string(), private_jwk: z.string(), signs_from_ms: z.number() });

export class IdentityStore implements Disposable {
  readonly #database: Database.Database;

  /** @param file `:memory:` for none. */
  constructor(file: string) {
    this.#database = new Database(file);
    this.#database.pragma('journal_mode = WAL');
    // A token whose number was forgotten would be given twice.
    this.#database.pragma('synchronous = FULL');
    this.#database.exec(SCHEMA);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  addAccount({ id, name, secretHash, madeAtMs }: Account): void {
    this.#run('INSERT INTO player VALUES (?, ?, ?, 0, ?)', id, name, secretHash, madeAtMs);
  }

  account(id: string): Account | null {
    const row = accountRow.safeParse(this.#get('SELECT * FROM player WHERE id = ?', id));
    if (!row.success) return null;
    const { name, secret_hash: secretHash, made_at_ms: madeAtMs } = row.data;
    return { id, name, secretHash, madeAtMs };
  }

  /** @returns the number of the next access token of the player. */
  raiseGen(player: string): number {
    const row = this.#get('UPDATE player SET gen = gen + 1 WHERE id = ? RETURNING gen', player);
    return z.object({ gen: z.int() }).parse(row).gen;
  }

  addFamily(session: string, player: string, nowMs: number): void {
    this.#database.transaction(() => {
      this.#run('INSERT INTO family VALUES (?, ?, ?, 0)', session, player, nowMs);
      const outdated = `SELECT sid FROM family WHERE player = ?
        ORDER BY made_at_ms DESC, rowid DESC LIMIT -1 OFFSET ${MAX_FAMILIES}`;
      this.#run(`DELETE FROM refresh WHERE sid IN (${outdated})`, player);
      this.#run(`DELETE FROM family WHERE sid IN (${outdated})`, player);
    })();
  }

  addRefresh(hash: string, session: string, nowMs: number): void {
    this.#database.transaction(() => {
      this.#run('INSERT INTO refresh VALUES (?, ?, ?, NULL)', hash, session, nowMs);
      this.#run(
        `DELETE FROM refresh WHERE hash IN (SELECT hash FROM refresh WHERE sid = ?
          AND used_at_ms IS NOT NULL ORDER BY used_at_ms DESC LIMIT -1 OFFSET ${MAX_USED_TOKENS})`,
        session,
      );
    })();
  }

  refresh(hash: string): KnownRefresh | null {
    const found = this.#get('SELECT * FROM refresh JOIN family USING (sid) WHERE hash = ?', hash);
    const row = refreshRow.safeParse(found);
    if (!row.success) return null;
    const { player, sid, issued_at_ms, used_at_ms, ended } = row.data;
    return {
      player,
      session: sid,
      issuedAtMs: issued_at_ms,
      usedAtMs: used_at_ms,
      familyEnded: ended !== 0,
    };
  }

  /** The first use counts: the grace is from then on. */
  markUsed(hash: string, nowMs: number): void {
    this.#run(
      'UPDATE refresh SET used_at_ms = ? WHERE hash = ? AND used_at_ms IS NULL',
      nowMs,
      hash,
    );
  }

  endFamily(session: string): void {
    this.#run('UPDATE family SET ended = 1 WHERE sid = ?', session);
  }

  /** All that is held of a player goes, but for the order to delete the record again until then. */
  erase(player: string, untilMs: number): void {
    this.#database.transaction(() => {
      this.#run(
        'DELETE FROM refresh WHERE sid IN (SELECT sid FROM family WHERE player = ?)',
        player,
      );
      this.#run('DELETE FROM family WHERE player = ?', player);
      this.#run('DELETE FROM player WHERE id = ?', player);
      this.#run('INSERT OR REPLACE INTO erasure VALUES (?, ?)', player, untilMs);
    })();
  }

  /** Players whose records are still to be deleted again. */
  erasures(): { readonly player: string; readonly untilMs: number }[] {
    const row = z.object({ player: z.string(), until_ms: z.number() });
    return row
      .array()
      .parse(this.#database.prepare('SELECT * FROM erasure').all())
      .map(({ player, until_ms }) => ({ player, untilMs: until_ms }));
  }

  finishErasure(player: string): void {
    this.#run('DELETE FROM erasure WHERE player = ?', player);
  }

  keys(): StoredKey[] {
    return keyRow
      .array()
      .parse(this.#database.prepare('SELECT * FROM key ORDER BY signs_from_ms').all())
      .map((row) => ({
        kid: row.kid,
        privateJwk: row.private_jwk,
        signsFromMs: row.signs_from_ms,
      }));
  }

  addKey({ kid, privateJwk, signsFromMs }: StoredKey): void {
    this.#run('INSERT INTO key VALUES (?, ?, ?)', kid, privateJwk, signsFromMs);
  }

  dropKey(kid: string): void {
    this.#run('DELETE FROM key WHERE kid = ?', kid);
  }

  #run(sql: string, ...values: readonly (string | number)[]): void {
    this.#database.prepare(sql).run(...values);
  }

  #get(sql: string, ...values: readonly (string | number)[]): unknown {
    return this.#database.prepare(sql).get(...values);
  }
}
