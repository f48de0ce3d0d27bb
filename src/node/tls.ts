/**
 * The certificates of a node, read again when their files change.
 *
 * Invariants: a set of files that is faulty changes nothing, is told once, and shows in a metric; a connection keeps
 * the certificates with which it began; where only certificates count between nodes, that of this node names it.
 */
import { X509Certificate } from 'node:crypto';
import type { Registry } from 'prom-client';
import { Figures } from '../http/metrics.ts';
import { nodeNamedIn, peerUri } from '../net/peerNames.ts';
import { SettingError } from '../words/errors.ts';
import type { Note } from '../words/note.ts';
import { isLoopback } from './loopback.ts';
import type { NodeSettings } from './settings.ts';
import { readTls, type TlsMaterial, type TlsPaths, tlsStampOf } from './tlsFiles.ts';

/** Time between two looks at the files, in milliseconds. */
const LOOK_INTERVAL_MS = 2000;

type Use = 'clients' | 'peers';

interface Watched {
  readonly use: Use;
  readonly paths: TlsPaths;
  /** @throws SettingError for a certificate that the node can't use so. */
  readonly check: (material: TlsMaterial) => void;
  material: TlsMaterial;
  /** Of the files that were read. */
  stamp: string;
  /** Of the last look: a pair is written file by file, so a fault counts once its files are at rest. */
  seen: string;
  hasFailed: boolean;
  /** The words that people were told last of the end of the certificate. */
  told: '' | 'ends' | 'ended';
}

export class NodeTls {
  /** Readings of changed files that worked. */
  reloads = 0;
  readonly #note: Note;
  readonly #nowMs: () => number;
  readonly #watched: readonly Watched[];
  readonly #timer: NodeJS.Timeout;
  readonly #listeners: (() => void)[] = [];

  /** @throws SettingError with one sentence that names the file and its fault. */
  constructor(settings: NodeSettings, note: Note, nowMs: () => number) {
    this.#note = note;
    this.#nowMs = nowMs;
    const { tlsCert, tlsKey, tlsClientCa, peerTlsCert, peerTlsKey, peerTlsCa } = settings;
    this.#watched = [
      this.#watch('clients', { cert: tlsCert, key: tlsKey, ca: tlsClientCa }, () => {}),
      this.#watch('peers', { cert: peerTlsCert, key: peerTlsKey, ca: peerTlsCa }, (material) =>
        refuseOtherName(material, settings),
      ),
    ];
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
    this.#warnOfEnds();
    if (sendsTokensInClear(settings)) note('warn', IN_CLEAR, { event: 'no-tls' });
  }

  get clients(): TlsMaterial {
    return this.#of('clients').material;
  }

  get peers(): TlsMaterial {
    return this.#of('peers').material;
  }

  get hasFailed(): boolean {
    return this.#watched.some(({ hasFailed }) => hasFailed);
  }

  /** The instant at which the first certificate of each file ends, in UTC milliseconds, by the file's use. */
  get ends(): ReadonlyMap<string, number> {
    const { clients, peers } = this;
    const ends: [string, number | null][] = [
      ['server', clients.certEndsAt],
      ['client_ca', clients.caEndsAt],
      ['peer', peers.certEndsAt],
      ['peer_ca', peers.caEndsAt],
    ];
    return new Map(ends.flatMap(([name, at]) => (at === null ? [] : [[name, at] as const])));
  }

  /** Called after each reading of changed files that worked. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Reads all files again. */
  reload(): void {
    for (const one of this.#watched) this.#read(one, tlsStampOf(one.paths));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #watch(use: Use, paths: TlsPaths, check: Watched['check']): Watched {
    const stamp = tlsStampOf(paths);
    const material = readTls(paths, this.#nowMs());
    check(material);
    return { use, paths, check, material, stamp, seen: stamp, hasFailed: false, told: '' };
  }

  #of(use: Use): Watched {
    const found = this.#watched.find((one) => one.use === use);
    if (found === undefined) throw new Error(`There are no certificates for ${use}.`);
    return found;
  }

  #look(): void {
    for (const one of this.#watched) {
      const stamp = tlsStampOf(one.paths);
      const isAtRest = stamp === one.seen;
      one.seen = stamp;
      if (stamp !== one.stamp && isAtRest) this.#read(one, stamp);
    }
    this.#warnOfEnds();
  }

  #read(one: Watched, stamp: string): void {
    one.stamp = stamp;
    one.seen = stamp;
    if (stamp === EMPTY_STAMP) return;
    try {
      const material = readTls(one.paths, this.#nowMs());
      one.check(material);
      one.material = material;
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      one.hasFailed = true;
      this.#note('warn', `${error.message} The certificates for ${one.use} stay as they were.`, {
        event: 'certificates-refused',
      });
      return;
    }
    one.hasFailed = false;
    one.told = '';
    this.reloads++;
    this.#note('info', `The certificates for ${one.use} were read again.`, {
      event: 'certificates-read',
    });
    for (const listener of this.#listeners) listener();
  }

  /** Before the end, and at the end. */
  #warnOfEnds(): void {
    const nowMs = this.#nowMs();
    for (const one of this.#watched) {
      const { renewAt, certEndsAt } = one.material;
      if (renewAt === null || certEndsAt === null || nowMs < renewAt) continue;
      const word = nowMs < certEndsAt ? 'ends' : 'ended';
      if (one.told === word) continue;
      one.told = word;
      const at = new Date(certEndsAt).toISOString();
      this.#note('warn', `The certificate ${one.paths.cert} ${word} at ${at}: renew it.`, {
        event: 'certificate-ends',
      });
    }
  }
}

/** Every peer would refuse the node, which would go on alone. */
function refuseOtherName({ pair }: TlsMaterial, settings: NodeSettings): void {
  const { peerAuth, peerTlsCert, cluster, nodeId } = settings;
  if (peerAuth !== 'mtls' || pair === null) return;
  if (nodeNamedIn(new X509Certificate(pair.cert), cluster) === nodeId) return;
  throw new SettingError(
    `The certificate ${peerTlsCert} must name ${peerUri(cluster, nodeId)} and no other node of the cluster: ` +
      `make one by \`hearsay tls peer ${nodeId} --cluster ${cluster}\`, or correct --cluster (CLUSTER) and --node-id (NODE_ID).`,
  );
}

const sendsTokensInClear = ({ host, authFile, jwks, tlsCert }: NodeSettings): boolean =>
  !isLoopback(host) && (authFile !== null || jwks !== null) && tlsCert === null;

const IN_CLEAR =
  'Tokens and values come over the network unencrypted: give the node a certificate by --tls-cert and --tls-key, or put ' +
  'a proxy that speaks TLS in front of it.';

const EMPTY_STAMP = tlsStampOf({ cert: null, key: null, ca: null });

export function registerTlsMetrics(registry: Registry, tls: NodeTls): void {
  const figures = new Figures(registry);
  figures.gauge(
    'hearsay_tls_reload_failed',
    'Whether the last reading of changed certificates failed: 1 if it did.',
    () => Number(tls.hasFailed),
  );
  figures.total(
    'hearsay_tls_reloads_total',
    'Readings of changed certificates that worked.',
    () => tls.reloads,
  );
  figures.gauges(
    'hearsay_tls_not_after_timestamp_seconds',
    'Unix time at which the first certificate of a file ends.',
    'certificate',
    () => Object.fromEntries([...tls.ends].map(([name, at]) => [name, at / 1000])),
  );
}
