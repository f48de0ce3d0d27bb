/**
 * Certificates that clients show on their connections (RFC 8446, section 4.4.2).
 *
 * Invariants: a certificate counts only while it is of the authorities for clients as they are now, and until it
 * ends; no connection outlives the certificate that it has shown.
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isOfAuthority, namesOf } from '../../net/certificates.ts';

export type ShownCertificate =
  | { readonly fault: string }
  | {
      readonly fault: null;
      /** The alternative names first. */
      readonly names: readonly string[];
    };

interface Looked {
  readonly authorities: readonly X509Certificate[];
  readonly endsAt: number;
  readonly shown: ShownCertificate;
}

/** Time between two looks for certificates that have ended, in milliseconds. */
const LOOK_INTERVAL_MS = 1000;

export class ClientCertificates {
  readonly #authorities: () => readonly X509Certificate[];
  readonly #nowMs: () => number;
  /** Null for a connection that has shown none. */
  readonly #looked = new Map<Socket, Looked | null>();
  readonly #timer: NodeJS.Timeout;

  /** @param authorities for clients, as they are now. @param nowMs UTC milliseconds. */
  constructor(authorities: () => readonly X509Certificate[], nowMs: () => number) {
    this.#authorities = authorities;
    this.#nowMs = nowMs;
    this.#timer = setInterval(() => this.#closeEnded(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** @returns null if the connection has shown none. */
  shownOn(socket: Socket): ShownCertificate | null {
    const looked = this.#lookedAt(socket);
    if (looked === null) return null;
    return looked.endsAt > this.#nowMs() ? looked.shown : ENDED;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #lookedAt(socket: Socket): Looked | null {
    const authorities = this.#authorities();
    const known = this.#looked.get(socket);
    if (known === null || known?.authorities === authorities) return known;
    const looked = lookAt(socket, authorities);
    if (socket.destroyed) return looked;
    if (known === undefined) socket.once('close', () => this.#looked.delete(socket));
    this.#looked.set(socket, looked);
    return looked;
  }

  /** A watch goes on by the certificate with which it began. */
  #closeEnded(): void {
    for (const [socket, looked] of this.#looked) {
      if (looked === null || looked.shown.fault !== null) continue;
      if (this.shownOn(socket)?.fault !== null) socket.destroy();
    }
  }
}

const ENDED: ShownCertificate = { fault: 'The certificate of the client has ended: renew it.' };

function lookAt(socket: Socket, authorities: readonly X509Certificate[]): Looked | null {
  if (!(socket instanceof TLSSocket)) return null;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  const endsAt = certificate.validToDate.getTime();
  return { authorities, endsAt, shown: shownIn(socket, certificate, authorities) };
}

function shownIn(
  { authorized, authorizationError }: TLSSocket,
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): ShownCertificate {
  if (!authorized)
    return { fault: `The certificate of the client does not count (${authorizationError}).` };
  if (!isOfAuthority(certificate, authorities))
    return { fault: 'The certificate of the client is of no authority for clients.' };
  const { hosts, mails, uris, common } = namesOf(certificate);
  return {
    fault: null,
    names: [...uris, ...mails, ...hosts, ...(common === null ? [] : [common])],
  };
}
