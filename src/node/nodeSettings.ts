/** The settings of a node as the program holds them: numbers, texts and lists. */
import type { Limits } from '../words/limits.ts';

export interface NodeSettings {
  /** This node's name in answers and logs: 1 to 32 letters (A to Z), digits, _ or -. Default `node1`. */
  readonly nodeId: string;
  /** Base URLs of all nodes, such as `http://10.0.0.2:8000`; its own may be among them. Default none. */
  readonly nodes: readonly string[];
  /**
   * Base URL at which the others reach this node. Null, the default: the one of `nodes` that answers as
   * this node.
   */
  readonly url: string | null;
  /** Name of the cluster; this node refuses nodes of another name. Default `hearsay`. */
  readonly cluster: string;
  /** The secret that the nodes of a cluster share. Null, the default: the secret in a file. */
  readonly internalToken: string | null;
  /**
   * File that holds the secret. Null, the default: a file of this user, which is made at the first
   * start; it serves a loopback `host` only.
   */
  readonly internalTokenFile: string | null;
  /**
   * How nodes show each other that they know the secret. `challenge`, the default: both prove it, and neither sends it.
   * `header`: as `challenge`, but a node up to 0.3.0, which knows no proof, is shown the secret.
   * `mtls`: only nodes count whose certificates name them, by the authorities in `peerTlsCa`.
   */
  readonly peerAuth: 'challenge' | 'header' | 'mtls';
  /** Address to listen on, `0.0.0.0` for all. Default `127.0.0.1`. */
  readonly host: string;
  /** Port to listen on, 0 to 65535; 0 for any free one. Default 8000. */
  readonly port: number;
  /**
   * Port for peers alone, 0 to 65535; `url` and `nodes` then name these ports. Null, the default: peers come to `port`
   * too.
   */
  readonly peerPort: number | null;
  /** Address to listen on for peers. Null, the default: that of `host`. Needs a `peerPort`. */
  readonly peerHost: string | null;
  /**
   * File of tokens, which says who may do what; only its owner may read it. Null, the default: on
   * loopback nobody needs a token but for the scope `admin`; elsewhere the node does not start unless
   * it is `open`.
   */
  readonly authFile: string | null;
  /** Key set of an identity provider, a file or a URL, whose JWTs count beside the file of tokens. Default none. */
  readonly jwks: string | null;
  /** The `iss` of its JWTs. Needed with `jwks`. */
  readonly jwtIssuer: string | null;
  /** The `aud` that its JWTs must name. Needed with `jwks`. */
  readonly jwtAudience: string | null;
  /** The algorithms by which its JWTs may be signed, of asymmetric keys. Default RS256, ES256 and EdDSA. */
  readonly jwtAlgorithms: readonly string[];
  /**
   * `require`: the node starts only with a certificate, and speaks to peers only by TLS. `warn`, the
   * default: it starts without one, and says so off loopback.
   */
  readonly tls: 'warn' | 'require';
  /**
   * File with the node's certificate for clients and those of its issuers, in PEM; `host` and `port` then
   * speak https alone. Read again when it changes. Null, the default: plain http.
   */
  readonly tlsCert: string | null;
  /** File with the key of `tlsCert`; only its owner may read it. */
  readonly tlsKey: string | null;
  /**
   * File with the authorities whose certificates make callers of clients, by the names that `authFile`
   * lists. Default none.
   */
  readonly tlsClientCa: string | null;
  /** File with the node's certificate for its peers. Default none. */
  readonly peerTlsCert: string | null;
  /** File with the key of `peerTlsCert`; only its owner may read it. */
  readonly peerTlsKey: string | null;
  /** File with the authorities of the peers' certificates. Null, the default: those of the system. */
  readonly peerTlsCa: string | null;
  /** File that gets a line for each act of an operator, and for wrong tokens. Null, the default: none. */
  readonly auditLog: string | null;
  /** Whether that file also gets a line for each write, with its key and op id. Default false. */
  readonly auditWrites: boolean;
  /** Whether a node that has no file of tokens serves everybody who reaches its port. Default false. */
  readonly open: boolean;
  /**
   * Host names by which the node may be asked, besides addresses, `localhost` and the names in `url` and
   * `nodes`; `['*']` for all. Default none on loopback, all elsewhere.
   */
  readonly allowedHosts: readonly string[];
  /** Directory of this node's log; the node makes it if it is missing. Default `./data`. */
  readonly dataDir: string;
  /** `full`, the default: an answered write survives a power cut; `normal`: only a crash of the process. */
  readonly durability: 'full' | 'normal';
  /**
   * The most bytes that keys, values and indexes take in memory, 4 MiB to 1 TiB. Beyond it, the coldest
   * values are dropped from memory and read from the log when they are asked for. Null, the default: no
   * bound.
   */
  readonly maxMemory: number | null;
  /** The longest wait of a starting node for its peers, in milliseconds: 0 to a day, default 10,000. */
  readonly joinTimeoutMs: number;
  /**
   * The longest silence of a member before it is retired, in milliseconds: 1,000 to 365 days, default
   * 24 hours.
   */
  readonly memberTimeoutMs: number;
  /**
   * The time for which a peer that breaks the protocol is refused, in milliseconds: 1,000 to a day,
   * default 10 minutes.
   */
  readonly peerRefusalMs: number;
  /**
   * The time for which the log keeps ops that were overwritten or deleted, or have expired, in
   * milliseconds: 1,000 to 3,650 days, default 24 hours.
   */
  readonly retentionMs: number;
  /**
   * Time between two checkpoints, in milliseconds: 1 to 365 days, default 5 minutes. 0: none is written, not
   * even at a stop.
   */
  readonly checkpointIntervalMs: number;
  /**
   * The greatest difference between the clocks of two nodes, in milliseconds: 0 to a day, default
   * 60,000.
   */
  readonly maxClockSkewMs: number;
  /**
   * Time between two comparisons of the log with a peer's, in milliseconds: 10 to an hour, default
   * 1,000.
   */
  readonly pullIntervalMs: number;
  /** Web origins whose pages may call the node; `['*']` for all. Default none. */
  readonly allowedOrigins: readonly string[];
  /**
   * Addresses and networks (`10.0.0.0/8`) of proxies, whose `X-Forwarded-For` or `Forwarded` tells the address of
   * a client, for limits and the audit log. Default none.
   */
  readonly trustedProxies: readonly string[];
  /**
   * The longest wait of a request for the writes of its token, in milliseconds: 1 to 10 minutes,
   * default 5,000.
   */
  readonly waitTimeoutMs: number;
  /**
   * The time without an event after which a watcher gets a bookmark, in milliseconds: 30 to an hour,
   * default 15,000.
   */
  readonly bookmarkIntervalMs: number;
  /**
   * The longest time for which a client may read nothing before its connection ends, in milliseconds:
   * 1,000 to an hour, default 30,000.
   */
  readonly sendTimeoutMs: number;
  /**
   * The longest wait of a stopping node, after `leaveDelayMs`, for the requests under way, in milliseconds: 0 to 10
   * minutes, default 2,000.
   */
  readonly drainTimeoutMs: number;
  /** The time for which a node that is to stop still serves, and sends its clients elsewhere. */
  readonly leaveDelayMs: number;
  /** Time between two pings to a watcher, in milliseconds: 10 to an hour, default 30,000. */
  readonly watchPingIntervalMs: number;
  /** For `hearsay serve`: the least important line to log. An embedded node logs to the logger it is given. */
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** For `hearsay serve`: the form of a log line. */
  readonly logFormat: 'auto' | 'json' | 'text';
  /** For `hearsay serve`: bytes of log lines that may wait for a slow reader of stderr: 1 KiB to 1 GiB, default 1 MiB. */
  readonly maxLogBufferBytes: number;
  /** Every limit by name. */
  readonly limits: Limits;
}

/** The limits that differ from the defaults. */
export type GivenSettings = {
  readonly [Name in Exclude<keyof NodeSettings, 'limits'>]?: NodeSettings[Name] | undefined;
} & { readonly limits?: GivenLimits | undefined };

export type GivenLimits = { readonly [Name in keyof Limits]?: Limits[Name] | undefined };
