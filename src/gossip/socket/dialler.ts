/**
 * Dials nodes: each dial ends once, by an opening or by a failure with its reason.
 *
 * A connection is opened once both sides have proved that they know the secret, or have shown a certificate. A node up
 * to 0.3.0 refuses the proof; it is shown the secret itself if the settings say `header`.
 */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { type ClusterSecrets, TOKEN_HEADER } from '../../net/clusterSecrets.ts';
import { CHANGED, PROOF_UNKNOWN, reasonOf, TOKEN_REFUSED } from '../../net/peerRefusals.ts';
import { NOT_CERTIFIED, type PeerTls, tlsFaultOf } from '../../net/peerTls.ts';
import { SEAL_BYTES } from '../../net/seal.ts';
import { prove } from '../../net/unproved.ts';
import { memberUrl } from '../../words/opRules.ts';
import { DiallerProof, type Life, PROOF_SUBPROTOCOL } from '../protocol/proof.ts';
import {
  addressOf,
  BY_CERTIFICATE,
  BY_HEADER,
  GOSSIP_PATH,
  isCurrent,
  newNonce,
  ONLY_CERTIFIED,
  type Opening,
  type Place,
  provedOpening,
  type ShownBy,
} from './opening.ts';

export interface DiallerSettings {
  readonly peerAuth: 'challenge' | 'header' | 'mtls';
  readonly secrets: ClusterSecrets;
  /** Absent: peers have no certificates, but for those that the system trusts. */
  readonly tls?: PeerTls;
  /** The name of the cluster. */
  readonly cluster: string;
  /** The longest message of a peer, in bytes; a longer one closes the connection. */
  readonly maxMessageBytes: number;
  /** The time in which the other side must prove itself, in milliseconds. */
  readonly proofTimeoutMs: number;
  /** The time in which a dial must be answered, in milliseconds. */
  readonly dialTimeoutMs: number;
}

export interface DiallerPorts {
  /** The present life of this node. */
  readonly life: () => Life;
  readonly open: (opening: Opening) => void;
  readonly failed: (url: string, reason: string) => void;
}

export class Dialler {
  readonly #settings: DiallerSettings;
  readonly #ports: DiallerPorts;
  readonly #dialling = new Set<WebSocket>();
  #stopped = false;

  constructor(settings: DiallerSettings, ports: DiallerPorts) {
    this.#settings = settings;
    this.#ports = ports;
  }

  dial(url: string): void {
    this.#dial(url, this.#settings.peerAuth === 'mtls' ? 'mtls' : 'challenge');
  }

  /** Gives up all dials under way, and tells nothing of them. */
  stop(): void {
    this.#stopped = true;
    for (const socket of this.#dialling) socket.terminate();
  }

  #dial(url: string, way: ShownBy): void {
    const socket = this.#socketTo(url, way);
    if (typeof socket === 'string') {
      setImmediate(() => {
        if (!this.#stopped) this.#ports.failed(url, socket);
      });
      return;
    }
    this.#dialling.add(socket);
    let reason = 'the connection was closed';
    let isRefused = false;
    let stream: Duplex | null = null;
    let address = '';
    const failed = (): void => {
      if (!this.#dialling.delete(socket) || this.#stopped) return;
      // An older node: the settings say whether it is shown the secret.
      if (isRefused && way === 'challenge' && this.#settings.peerAuth === 'header')
        this.#dial(url, 'header');
      else this.#ports.failed(url, reason);
    };
    socket.on('error', (error) => {
      isRefused = /Unexpected server response: 401/.test(error.message);
      reason = dialReason(error, way, url);
    });
    socket.on('close', failed);
    socket.on('upgrade', (response) => {
      stream = response.socket;
      address = addressOf(response);
    });
    socket.on('open', () => {
      socket.off('close', failed);
      if (stream === null) return;
      const place = { dialledUrl: url, address, stream };
      const fail = (why: string | undefined): void => {
        reason = why ?? reason;
        failed();
      };
      if (way === 'header') {
        this.#dialling.delete(socket);
        const [secret] = this.#settings.secrets.all;
        this.#ports.open({ ...BY_HEADER, ...place, socket, secret });
      } else if (way === 'mtls') this.#openCertified(socket, place, fail);
      else this.#proveTo(socket, stream, place, fail);
    });
  }

  #proveTo(
    socket: WebSocket,
    stream: Duplex,
    place: Place,
    failed: (reason: string | undefined) => void,
  ): void {
    const life = this.#ports.life();
    const { cluster, secrets } = this.#settings;
    const proof = new DiallerProof(life, cluster, secrets.all, newNonce());
    prove({
      webSocket: socket,
      stream,
      proof,
      timeoutMs: this.#settings.proofTimeoutMs,
      refusal: TOKEN_REFUSED,
      proved: (proved) => {
        if (isCurrent(proved, life, secrets, this.#ports.life())) {
          this.#dialling.delete(socket);
          this.#ports.open(provedOpening(socket, place, proved));
        } else {
          socket.terminate();
          failed(CHANGED);
        }
      },
      failed: (fault) => failed(reasonOf(fault)),
    });
    socket.send(proof.opening);
  }

  /** The node at the URL must be one of this cluster by its certificate, too. */
  #openCertified(socket: WebSocket, place: Place, failed: (reason: string) => void): void {
    const proved = this.#settings.tls?.peerOn(place.stream) ?? null;
    if (proved === null) {
      socket.terminate();
      failed(NOT_CERTIFIED);
      return;
    }
    this.#dialling.delete(socket);
    this.#ports.open({ ...BY_CERTIFICATE, ...place, socket, proved });
  }

  /** A text with the reason why the URL is not dialled: it is malformed, for a peer may have named it, or plain. */
  #socketTo(url: string, way: ShownBy): WebSocket | string {
    const { tls } = this.#settings;
    const target = memberUrl(url);
    if (target === null) return NOT_DIALLED;
    const refusal = tls?.refusalOf(target) ?? null;
    if (refusal !== null) return refusal;
    const headers = way === 'header' ? { [TOKEN_HEADER]: this.#settings.secrets.shown } : {};
    try {
      return new WebSocket(
        target.replace(/^http/, 'ws') + GOSSIP_PATH,
        way === 'challenge' ? [PROOF_SUBPROTOCOL] : [],
        {
          headers,
          perMessageDeflate: false,
          maxPayload: this.#settings.maxMessageBytes + SEAL_BYTES,
          handshakeTimeout: this.#settings.dialTimeoutMs,
          followRedirects: false,
          ...(tls && target.startsWith('https:') && { createConnection: tls.connection(target) }),
        },
      );
    } catch {
      return NOT_DIALLED;
    }
  }
}

const NOT_DIALLED = 'it is no URL that a node can dial';

/** A node that speaks TLS hangs up without a word, and so does one that ends. */
const HUNG_UP = 'it hung up without an answer: if it speaks TLS, name it by https';

function dialReason(error: Error, way: ShownBy, url: string): string {
  const [, status] = /Unexpected server response: (\d+)/.exec(error.message) ?? [];
  if (Number(status) === ONLY_CERTIFIED) return NOT_CERTIFIED;
  if (status === '401')
    return { header: TOKEN_REFUSED, challenge: PROOF_UNKNOWN, mtls: NOT_CERTIFIED }[way];
  if (error.message === 'socket hang up' && url.startsWith('http:')) return HUNG_UP;
  return tlsFaultOf(error) ?? (error.message || 'it can not be reached');
}
