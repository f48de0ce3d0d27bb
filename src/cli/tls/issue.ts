/**
 * Makes certificates (RFC 5280) for development: keys on the curve P-256, signed with ECDSA and SHA-256.
 *
 * It is imported where it is needed alone: its library takes as long to load as half a command.
 */
import 'reflect-metadata';
import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { KeyPair } from '../../net/certificates.ts';

/** From when to when a certificate counts, in UTC milliseconds. */
export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Wanted extends Validity {
  readonly commonName: string;
  /** Host names, addresses, and URIs with `//`. */
  readonly names: readonly string[];
  readonly uses: readonly ('server' | 'client')[];
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const SERIAL_BYTES = 16;

/** An authority that issues certificates, and no other authorities. */
export async function newAuthority(commonName: string, validity: Validity): Promise<KeyPair> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...commonOf(validity),
    name: nameOf(commonName),
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pairOf(certificate, keys);
}

/** @throws the errors of Node and of the library if the authority is torn, or has a key of another kind. */
export async function issue(authority: KeyPair, wanted: Wanted): Promise<KeyPair> {
  const issuer = new X509Certificate(authority.cert);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' }),
    CURVE,
    false,
    ['sign'],
  );
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    ...commonOf(wanted),
    subject: nameOf(wanted.commonName),
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      ...extensionsOf(wanted),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return pairOf(certificate, keys);
}

function extensionsOf({ uses, names }: Wanted): Extension[] {
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(
      uses.map((use) =>
        use === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
      ),
    ),
  ];
  if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names.map(general)));
  return extensions;
}

function general(name: string): JsonGeneralName {
  if (isIP(name) !== 0) return { type: 'ip', value: name };
  return { type: name.includes('//') ? 'url' : 'dns', value: name };
}

const commonOf = ({ fromMs, toMs }: Validity) => ({
  serialNumber: serialNumber(),
  notBefore: new Date(fromMs),
  notAfter: new Date(toMs),
  signingAlgorithm: SIGNATURE,
});

const nameOf = (commonName: string) => [{ CN: [commonName] }];

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);

/** Positive, with at least 64 random bits (CA/Browser Forum, Baseline Requirements, section 7.1). */
function serialNumber(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes.toString('hex');
}

const pairOf = (
  certificate: X509Certificate,
  { privateKey }: webcrypto.CryptoKeyPair,
): KeyPair => ({
  cert: `${certificate.toString('pem').trimEnd()}\n`,
  key: String(KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' })),
});
