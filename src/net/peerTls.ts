/**
 * TLS between nodes.
 *
 * Invariants: the dialler takes no certificate that it has not verified, up to an authority and by a name; a peer
 * counts as the node that its certificate names only if both sides have shown one of the authorities for peers.
 */
import { X509Certificate } from 'node:crypto';
import type { ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, checkServerIdentity, connect, TLSSocket } from 'node:tls';
import { isOfAuthority, type KeyPair } from './certificates.ts';
import { nodeNamedIn } from './peerNames.ts';
import { APPLICATION_PROTOCOLS, TLS_VERSIONS } from './tlsOptions.ts';

export interface PeerTlsOptions {
  readonly cluster: string;
  /** The certificates as they are now. */
  readonly material: () => PeerMaterial;
  /** Whether a peer must be named by its certificate. */
  readonly isMutual: boolean;
  /** Whether no peer is dialled by plain http. */
  readonly isRequired: boolean;
}

export interface PeerMaterial {
  /** The certificate that this node shows to peers; null if it has none of its own for them. */
  readonly pair: KeyPair | null;
  /** None: those of the system. */
  readonly authorities: readonly X509Certificate[];
}

/** The other side, by its certificate. */
export interface CertifiedPeer {
  readonly cluster: string;
  readonly nodeId: string;
}

/**
 * The name by which a dialler asks a port that it shares with clients for the certificate for peers (RFC 6066,
 * section 3).
 */
export const PEER_SERVER_NAME = 'peer.hearsay.internal';

/** Ends a sentence about a peer, as the texts below do. */
export const NO_PLAIN_HTTP =
  'its URL begins with http, and this node speaks to peers by TLS alone: give it a certificate, and name it by https';
export const NOT_CERTIFIED =
  "it does not take this node's certificate: both need one for their name by an authority that both have as --peer-tls-ca";

export class PeerTls {
  readonly #options: PeerTlsOptions;
  /** The host name of a configured URL, by the URLs of its addresses. */
  readonly #names = new Map<string, string>();

  constructor(options: PeerTlsOptions) {
    this.#options = options;
  }

  /** The certificates of the nodes at these URLs bear the host name of the configured one. */
  resolved(url: string, addresses: readonly string[]): void {
    const { hostname } = new URL(url);
    for (const [address, name] of this.#names) if (name === hostname) this.#names.delete(address);
    for (const address of addresses) this.#names.set(address, hostname);
  }

  /** @returns the reason why the URL is not to be dialled; null if it may be. */
  refusalOf(url: string): string | null {
    return this.#options.isRequired && !url.startsWith('https:') ? NO_PLAIN_HTTP : null;
  }

  /** Opens the connection of a request to the URL. */
  connection(url: string): (request: ClientRequestArgs) => TLSSocket {
    return ({ host, port, timeout }) => {
      const { pair, authorities } = this.#options.material();
      return connect({
        ...TLS_VERSIONS,
        ALPNProtocols: [...APPLICATION_PROTOCOLS],
        host: host ?? '',
        port: Number(port),
        ...(timeout !== undefined && { timeout }),
        ...this.#identity(url),
        ...(authorities.length > 0 && { ca: authorities.map(String) }),
        ...pair,
      });
    };
  }

  /** @returns null if the certificate of the other side names no node of this cluster. */
  peerOn(socket: Duplex): CertifiedPeer | null {
    const { cluster, material } = this.#options;
    const { pair, authorities } = material();
    if (pair === null || !(socket instanceof TLSSocket) || !socket.authorized) return null;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined || !isOfAuthority(certificate, authorities)) return null;
    const nodeId = nodeNamedIn(certificate, cluster);
    return nodeId === null ? null : { cluster, nodeId };
  }

  #identity(url: string): Pick<ConnectionOptions, 'servername' | 'checkServerIdentity'> {
    const { cluster, isMutual, material } = this.#options;
    const { authorities } = material();
    const { hostname } = new URL(url);
    const name = this.#names.get(url) ?? hostname.replace(/^\[|\]$/g, '');
    return {
      servername: isMutual ? PEER_SERVER_NAME : nameForServer(name),
      checkServerIdentity: (_name, shown) => {
        const isNode = nodeNamedIn(new X509Certificate(shown.raw), cluster) !== null;
        if (authorities.length > 0 && isNode) return undefined;
        return isMutual ? new Error(NAMES_NO_NODE) : checkServerIdentity(name, shown);
      },
    };
  }
}

const NAMES_NO_NODE =
  'its certificate names no node of this cluster: make one by `hearsay tls peer`';

/** Addresses are no server names (RFC 6066, section 3). */
const nameForServer = (name: string): string => (/^[\d.]+$|:/.test(name) ? '' : name);

/** The instant at which the certificate of the other side ends, in UTC milliseconds; null if it has shown none. */
export function certificateEnd(socket: Duplex): number | null {
  if (!(socket instanceof TLSSocket)) return null;
  return socket.getPeerX509Certificate()?.validToDate.getTime() ?? null;
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** @returns the reason why a dial failed, for a fault of TLS; null for another one. */
export function tlsFaultOf(error: Error): string | null {
  const code = 'code' in error ? String(error.code) : '';
  if (UNTRUSTED.has(code))
    return 'its certificate is of no authority that this node trusts: name the file of the authority by --peer-tls-ca';
  if (code === 'CERT_HAS_EXPIRED')
    return 'its certificate, or that of an issuer, has ended: renew it';
  if (code === 'CERT_NOT_YET_VALID') return 'its certificate begins later: set the clocks of both';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'its certificate bears another name than its URL: name it by that, or make one for the name of the URL';
  if (/wrong version number|packet length too long/i.test(error.message))
    return 'it speaks no TLS: name it by http, or give it a certificate by --tls-cert';
  if (/alert (bad certificate|unknown ca|certificate)/i.test(error.message)) return NOT_CERTIFIED;
  return null;
}
