/**
 * The tokens of the cluster at a node that runs: it reads their file again when it changes, so that they can be
 * replaced while all nodes run.
 *
 * Invariant: a faulty file changes nothing, is told once, and shows in a metric.
 */
import type { Registry } from 'prom-client';
import { Figures } from '../http/metrics.ts';
import { ClusterSecrets } from '../net/clusterSecrets.ts';
import { SettingError } from '../words/errors.ts';
import type { Note } from '../words/note.ts';
import { stampOf } from './authFiles.ts';
import { refuseShortTokens } from './settings/checks.ts';
import type { NodeSettings } from './settings.ts';
import { readTokens, type Tokens, tokensOfNode, userTokenFile } from './tokenFile.ts';

/** Time between two looks at the file, in milliseconds. */
const LOOK_INTERVAL_MS = 2000;

export class ClusterTokens {
  readonly secrets: ClusterSecrets;
  /** Readings of a changed file that worked. */
  reloads = 0;
  hasFailed = false;
  readonly #settings: NodeSettings;
  readonly #note: Note;
  readonly #timer: NodeJS.Timeout | null;
  #changed: () => void = () => {};
  #stamp: string;
  /** Of the last look: a file counts once it is at rest, so that no half of a token does. */
  #seen: string;

  /** @throws SettingError if the given token, or a file, can't be used. */
  constructor(settings: NodeSettings, note: Note) {
    const { internalTokenFile: file } = settings;
    this.#settings = settings;
    this.#note = note;
    this.#stamp = file === null ? '' : stampOf(file);
    this.#seen = this.#stamp;
    const warn = (text: string): void => note('warn', text);
    this.secrets = new ClusterSecrets(
      checked(tokensOfNode(settings, userTokenFile(process.env), warn), settings),
    );
    this.#timer = file === null ? null : setInterval(() => this.#look(file), LOOK_INTERVAL_MS);
    this.#timer?.unref();
  }

  /** Called after each change of the tokens. */
  onChange(listener: () => void): void {
    this.#changed = listener;
  }

  /** Reads the file again, if the settings name one. */
  reload(): void {
    const { internalTokenFile: file } = this.#settings;
    if (file !== null) this.#read(file, stampOf(file));
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(file: string): void {
    const stamp = stampOf(file);
    const isAtRest = stamp === this.#seen;
    this.#seen = stamp;
    if (stamp !== this.#stamp && isAtRest) this.#read(file, stamp);
  }

  #read(file: string, stamp: string): void {
    this.#stamp = stamp;
    this.#seen = stamp;
    let tokens: Tokens;
    try {
      tokens = checked(readTokens(file), this.#settings);
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      this.hasFailed = true;
      this.#note('warn', `${error.message} The token of the cluster stays as it was.`, {
        event: 'cluster-token-refused',
      });
      return;
    }
    this.hasFailed = false;
    this.reloads++;
    this.secrets.replace(tokens);
    this.#changed();
    const count = tokens.length === 1 ? 'one token' : `${tokens.length} tokens`;
    this.#note('info', `The token file was read again: it holds ${count}.`, {
      event: 'cluster-token-read',
    });
  }
}

function checked(tokens: Tokens, settings: NodeSettings): Tokens {
  refuseShortTokens(tokens, settings);
  return tokens;
}

export function registerTokenMetrics(registry: Registry, tokens: ClusterTokens): void {
  const figures = new Figures(registry);
  figures.gauge(
    'hearsay_internal_token_reload_failed',
    'Whether the last reading of the file of the token of the cluster failed: 1 if it did.',
    () => Number(tokens.hasFailed),
  );
  figures.total(
    'hearsay_internal_token_reloads_total',
    'Readings of the changed file of the token of the cluster that worked.',
    () => tokens.reloads,
  );
  figures.gauge(
    'hearsay_internal_tokens',
    'Tokens of the cluster that the node takes: 2 while one replaces another.',
    () => tokens.secrets.all.length,
  );
}
