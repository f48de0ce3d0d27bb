/**
 * Certificates and keys as files hold them: texts in PEM (RFC 7468).
 *
 * Invariant: a pair that passes here can be served at once: the certificate counts now, and the key is its own.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { HearsayError } from '../words/errors.ts';

/** A text can't serve; the message is a phrase that begins with the fault. */
export class CertificateError extends HearsayError {}

/** A certificate, those of its issuers, and its key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

const CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/**
 * All certificates of a text, in their order.
 *
 * @throws CertificateError if it holds none, or a torn one.
 */
export function certificatesIn(text: string): [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = [...text.matchAll(CERTIFICATE)].map(([pem]) => certificateOf(pem));
  if (first === undefined) throw new CertificateError('holds no certificate in PEM');
  return [first, ...others];
}

/** @throws CertificateError if the certificate counts not yet, or no more. @param nowMs UTC milliseconds. */
export function requireCurrent(certificate: X509Certificate, nowMs: number): void {
  const { validFromDate, validToDate } = certificate;
  if (validToDate.getTime() <= nowMs)
    throw new CertificateError(`ended at ${validToDate.toISOString()}: renew it`);
  if (validFromDate.getTime() > nowMs)
    throw new CertificateError(
      `begins at ${validFromDate.toISOString()}: wait for that, or set the clock of this machine`,
    );
}

/** @throws CertificateError if the text is no key, or that of another certificate. */
export function requireKeyOf(certificate: X509Certificate, keyText: string): void {
  if (certificate.checkPrivateKey(keyIn(keyText))) return;
  throw new CertificateError(
    'is the key of another certificate: name the two that belong together',
  );
}

function keyIn(text: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(text))
    throw new CertificateError(
      'is encrypted, and a node has nobody to ask for its passphrase: decrypt it by `openssl pkey`',
    );
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new CertificateError('holds no private key in PEM', { cause: error });
  }
}

function certificateOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new CertificateError('holds a certificate that is torn', { cause: error });
  }
}

/**
 * Whether one of the authorities has signed the certificate, or has signed an issuer of it that was sent with it
 * (RFC 5280, section 6.1, without its times and constraints, which TLS has checked).
 *
 * @param certificate as the other side of a connection showed it, linked to its issuers.
 */
export function isOfAuthority(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): boolean {
  let link: X509Certificate | undefined = certificate;
  for (let depth = 0; link !== undefined && depth < LONGEST_CHAIN; depth++) {
    const current: X509Certificate = link;
    if (authorities.some((one) => one.raw.equals(current.raw) || isIssuer(one, current)))
      return true;
    const { issuerCertificate: next }: X509Certificate = current;
    link = next !== undefined && isIssuer(next, current) ? next : undefined;
  }
  return false;
}

const LONGEST_CHAIN = 8;

const isIssuer = (issuer: X509Certificate, issued: X509Certificate): boolean =>
  issuer.ca && issued.checkIssued(issuer) && issued.verify(issuer.publicKey);

export interface CertificateNames {
  readonly hosts: readonly string[];
  readonly mails: readonly string[];
  readonly uris: readonly string[];
  /** Of the subject; null if it has none, or several. */
  readonly common: string | null;
}

/** A name that could be read in two ways stands in quotes, as JSON. */
const ALTERNATIVE = /(DNS|email|URI):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)|[^,]*(?:, |$)/g;

/** The names that a certificate bears (RFC 5280, sections 4.1.2.6 and 4.2.1.6). */
export function namesOf({ subjectAltName, subject }: X509Certificate): CertificateNames {
  const found: Record<string, string[]> = { DNS: [], email: [], URI: [] };
  for (const [, kind, name] of (subjectAltName ?? '').matchAll(ALTERNATIVE))
    if (kind !== undefined && name !== undefined) found[kind]?.push(unquoted(name));
  const commons = [...subject.matchAll(/^CN=(.*)$/gm)].map(([, name = '']) => name);
  return {
    hosts: found.DNS ?? [],
    mails: found.email ?? [],
    uris: found.URI ?? [],
    common: commons.length === 1 ? (commons[0] ?? null) : null,
  };
}

function unquoted(name: string): string {
  if (!name.startsWith('"')) return name;
  try {
    return String(JSON.parse(name));
  } catch {
    return '';
  }
}
