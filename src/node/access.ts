/** Who may do what at this node: its file of tokens, which it reads again when it changes. */
import type { Registry } from 'prom-client';
import { EMPTY_AUTH_FILE } from '../access/authFile.ts';
import { type AuthTable, authTable, changeOf, tableOf } from '../access/authTable.ts';
import { anonymousCaller, type Caller, NO_LIMITS } from '../access/caller.ts';
import { SCOPES, type Scope } from '../access/scopes.ts';
import { digestOf } from '../access/secret.ts';
import { Callers, type ClusterToken, type JwtVerifier, openTable } from '../http/access/callers.ts';
import type { ClientCertificates } from '../http/access/certificates.ts';
import { clientAddress } from '../http/limits/clientAddress.ts';
import { Figures } from '../http/metrics.ts';
import type { ClusterSecrets } from '../net/clusterSecrets.ts';
import { Networks } from '../net/networks.ts';
import { SettingError } from '../words/errors.ts';
import type { Note } from '../words/note.ts';
import { dropAdminToken, newAdminToken } from './adminToken.ts';
import { readAuthFile, stampOf } from './authFiles.ts';
import type { KeySet } from './keySet.ts';
import type { NodeSettings } from './settings.ts';
import { ShownAdminToken } from './shownAdminToken.ts';

/** Time between two looks at the file, in milliseconds. */
const LOOK_INTERVAL_MS = 2000;

export interface Access {
  readonly callers: Callers;
  /** Reloads that worked, and whether the last one failed. */
  readonly reloads: { readonly done: number; readonly hasFailed: boolean };
  /** Readings of the key set of JWTs that failed. */
  readonly keyFailures: number;
  /** Reads the file again. A faulty file changes nothing. */
  reload(): void;
  /** The node listens: an open node makes its token for `admin`. */
  serves(url: string): void;
  stop(): void;
}

/**
 * @param secrets count on REST for one more release, for the scopes `log` and `admin`.
 * @param certificates that clients may show; null: none.
 * @throws SettingError if the file can't be used.
 */
export async function openAccess(
  settings: NodeSettings,
  secrets: ClusterSecrets,
  note: Note,
  certificates: ClientCertificates | null,
): Promise<Access> {
  const { authFile, jwks } = settings;
  if (authFile === null && jwks === null) return openToAll(settings, secrets, note);
  // Loaded only by nodes that take JWTs: it takes as long as a twentieth of a start.
  const keySet = jwks === null ? null : (await import('./keySet.ts')).KeySet;
  return new GuardedAccess(settings, { secrets, note, keySet, certificates });
}

interface GuardedOptions {
  readonly secrets: ClusterSecrets;
  readonly note: Note;
  /** Null: no JWTs count. */
  readonly keySet: typeof KeySet | null;
  /** Null: no certificates count. */
  readonly certificates: ClientCertificates | null;
}

function openToAll(settings: NodeSettings, secrets: ClusterSecrets, note: Note): Access {
  const table = openTable();
  const callers = callersOf(settings, table, shownByCluster(secrets, SCOPES), true);
  let shown: ShownAdminToken | undefined;
  return {
    callers,
    reloads: { done: 0, hasFailed: false },
    keyFailures: 0,
    reload: () => {},
    serves: (url) => {
      const token = newAdminToken(url);
      const { anonymous } = table;
      callers.replace(tableOf(new Map([[digestOf(token), allowed('admin', SCOPES)]]), anonymous));
      const warn = (text: string): void => note('warn', text);
      shown = new ShownAdminToken({ dataDir: settings.dataDir, token, warn });
    },
    stop: () => {
      callers.stop();
      shown?.stop();
    },
  };
}

/** Each caller needs a token of the file, or a JWT. */
class GuardedAccess implements Access {
  readonly callers: Callers;
  /** Null: only JWTs count. */
  readonly #path: string | null;
  readonly #keys: KeySet | null;
  readonly #note: Note;
  readonly #timer: NodeJS.Timeout;
  #stamp: string;
  #done = 0;
  #hasFailed = false;

  /** @throws SettingError */
  constructor(settings: NodeSettings, { secrets, note, keySet, certificates }: GuardedOptions) {
    const { authFile: path } = settings;
    // It would be shown to this node, which knows it no more.
    dropAdminToken(settings.dataDir);
    this.#path = path;
    this.#note = note;
    this.#stamp = path === null ? '' : stampOf(path);
    const table = authTable(path === null ? EMPTY_AUTH_FILE : readAuthFile(path));
    const cluster = shownByCluster(secrets, CLUSTER_SCOPES);
    const verify = (text: string): Promise<Caller | null> =>
      this.#keys?.verify(text) ?? Promise.resolve(null);
    const verifyJwt = keySet === null ? null : verify;
    this.callers = callersOf(settings, table, cluster, false, verifyJwt, certificates);
    this.#keys = keySet === null ? null : this.#openKeys(keySet, settings);
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  get reloads(): Access['reloads'] {
    return { done: this.#done, hasFailed: this.#hasFailed };
  }

  get keyFailures(): number {
    return this.#keys?.failures ?? 0;
  }

  reload(): void {
    void this.#keys?.refresh();
    if (this.#path === null) return;
    this.#stamp = stampOf(this.#path);
    try {
      this.#take(authTable(readAuthFile(this.#path), this.callers.table));
      this.#hasFailed = false;
      this.#done++;
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      this.#hasFailed = true;
      this.#note('warn', `${error.message} The tokens stay as they were.`, {
        event: 'tokens-refused',
      });
    }
  }

  serves(): void {}

  stop(): void {
    this.#keys?.stop();
    clearInterval(this.#timer);
    this.callers.stop();
  }

  #look(): void {
    if (this.#path !== null && stampOf(this.#path) !== this.#stamp) this.reload();
  }

  #openKeys(keySet: typeof KeySet, settings: NodeSettings): KeySet {
    const warn = (text: string): void => this.#note('warn', text, { event: 'keys-refused' });
    const keys = new keySet(settings, warn, (isGone) => this.callers.forgetJwts(isGone));
    void keys.refresh();
    return keys;
  }

  #take(table: AuthTable): void {
    const change = changeOf(this.callers.table, table);
    this.callers.replace(table);
    const told = Object.entries(change)
      .filter(([, ids]) => ids.length > 0)
      .map(([how, ids]) => `${how} ${ids.join(', ')}`);
    const text = told.length === 0 ? 'nothing changed' : told.join('; ');
    this.#note('info', `The tokens were read again: ${text}.`, { event: 'tokens-read' });
  }
}

const CLUSTER_SCOPES: readonly Scope[] = ['log', 'admin'];

const callersOf = (
  { limits, trustedProxies }: NodeSettings,
  table: AuthTable,
  clusterToken: ClusterToken,
  isOpen: boolean,
  verifyJwt: JwtVerifier | null = null,
  certificates: ClientCertificates | null = null,
): Callers =>
  new Callers({
    table,
    isOpen,
    clusterToken,
    verifyJwt,
    certificates,
    limits,
    addressOf: clientAddress(new Networks(trustedProxies)),
    nowMs: Date.now,
  });

const shownByCluster = (secrets: ClusterSecrets, scopes: readonly Scope[]): ClusterToken => {
  const caller = allowed('cluster', scopes);
  return {
    isShownBy: (request) => secrets.shownBy(request) !== null,
    caller: { ...caller, proof: { ...caller.proof, isListed: false } },
  };
};

function allowed(id: string, scopes: readonly Scope[]): Caller {
  const caller = anonymousCaller(scopes);
  return { ...caller, proof: { ...caller.proof, id }, limits: NO_LIMITS };
}

export function registerAccessMetrics(
  registry: Registry,
  access: Access,
  droppedAuditLines: () => number,
): void {
  const figures = new Figures(registry);
  const { callers } = access;
  figures.gauge(
    'hearsay_auth_reload_failed',
    'Whether the last reading of the file of tokens failed: 1 if it did.',
    () => Number(access.reloads.hasFailed),
  );
  figures.total(
    'hearsay_auth_reloads_total',
    'Readings of a changed file of tokens that worked.',
    () => access.reloads.done,
  );
  figures.total(
    'hearsay_audit_lines_dropped_total',
    'Audit lines that could not be written, or for which a slow disk left no room.',
    droppedAuditLines,
  );
  figures.total(
    'hearsay_jwks_failures_total',
    'Readings of the key set of JWTs that failed.',
    () => access.keyFailures,
  );
  figures.gauge('hearsay_tokens', 'Tokens that the node knows.', () => callers.table.callers.size);
  figures.totals(
    'hearsay_refused_callers_total',
    'Requests that their callers may not send, by the reason.',
    'reason',
    () => callers.refused,
  );
  figures.gauge(
    'hearsay_wrong_token_addresses',
    'Addresses whose wrong tokens are remembered.',
    () => callers.guesses.addresses,
  );
  figures.gauge(
    'hearsay_remembered_tokens',
    'Verified JWTs that are remembered.',
    () => callers.rememberedTokens,
  );
  figures.gauge(
    'hearsay_tickets',
    'Tickets for watches that wait to be used.',
    () => callers.tickets.waiting,
  );
}
