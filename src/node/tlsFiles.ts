/**
 * A certificate, its key and authorities in files.
 *
 * Invariants: they are taken as a whole or not at all; and of a key, nobody but its owner can make a copy.
 */

import type { X509Certificate } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { OWN_DIRECTORY_MODE, OWN_FILE_MODE } from '../log/sqlite/ownFile.ts';
import {
  CertificateError,
  certificatesIn,
  type KeyPair,
  requireCurrent,
  requireKeyOf,
} from '../net/certificates.ts';
import { SettingError } from '../words/errors.ts';
import { fileFailure } from '../words/fileFailure.ts';
import { MIB } from '../words/size.ts';
import { stampOf } from './authFiles.ts';

/** Null for a file that nobody named. */
export interface TlsPaths {
  readonly cert: string | null;
  readonly key: string | null;
  readonly ca: string | null;
}

export interface TlsMaterial {
  readonly pair: KeyPair | null;
  readonly authorities: readonly X509Certificate[];
  /** UTC milliseconds at which the first certificate of a file ends. */
  readonly certEndsAt: number | null;
  readonly caEndsAt: number | null;
  /** UTC milliseconds from which on people are told that the certificate ends soon. */
  readonly renewAt: number | null;
}

/** A certificate is told to end in the last tenth of its life, and no sooner than two weeks before its end. */
const LONGEST_NOTICE_MS = 14 * 24 * 3_600_000;

const MAX_FILE_BYTES = MIB;
const GROUP_READS = 0o040;
const OTHERS = 0o077;

/** @param nowMs UTC milliseconds. @throws SettingError with one sentence that names the file and its fault. */
export function readTls({ cert, key, ca }: TlsPaths, nowMs: number): TlsMaterial {
  const certificates = cert === null ? [] : certificatesAt(cert, 'certificate', nowMs);
  const authorities = ca === null ? [] : certificatesAt(ca, 'file of authorities', nowMs);
  const [leaf] = certificates;
  let pair: KeyPair | null = null;
  if (leaf !== undefined && cert !== null && key !== null) {
    const keyText = textAt(key, 'key', refuseOpenKey);
    told(`The key ${key}`, () => requireKeyOf(leaf, keyText));
    pair = { cert: certificates.map(String).join(''), key: keyText };
  }
  return {
    pair,
    authorities,
    certEndsAt: firstEnd(certificates),
    caEndsAt: firstEnd(authorities),
    renewAt: leaf === undefined ? null : renewalOf(leaf),
  };
}

/** Differs after each change of a file. */
export const tlsStampOf = ({ cert, key, ca }: TlsPaths): string =>
  [cert, key, ca].map((path) => (path === null ? '' : stampOf(path))).join(';');

/** Replaces both files, the key first: a node waits until the two belong together. */
export function writePair(
  files: { readonly cert: string; readonly key: string },
  pair: KeyPair,
): void {
  for (const kind of ['key', 'cert'] as const) {
    const path = files[kind];
    const made = `${path}.${process.pid}`;
    mkdirSync(dirname(path), { recursive: true, mode: OWN_DIRECTORY_MODE });
    try {
      writeFileSync(made, pair[kind], { mode: OWN_FILE_MODE });
      renameSync(made, path);
    } finally {
      rmSync(made, { force: true });
    }
  }
}

function certificatesAt(path: string, word: string, nowMs: number): X509Certificate[] {
  const text = textAt(path, word, () => {});
  return told(`The ${word} ${path}`, () => {
    const certificates = certificatesIn(text);
    requireCurrent(certificates[0], nowMs);
    return certificates;
  });
}

const firstEnd = (certificates: readonly X509Certificate[]): number | null =>
  certificates.length === 0
    ? null
    : Math.min(...certificates.map(({ validToDate }) => validToDate.getTime()));

function renewalOf({ validFromDate, validToDate }: X509Certificate): number {
  const endsAt = validToDate.getTime();
  return endsAt - Math.min(LONGEST_NOTICE_MS, (endsAt - validFromDate.getTime()) / 10);
}

/** @throws SettingError for the fault of a certificate. */
function told<T>(subject: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new SettingError(`${subject} ${error.message}.`, { cause: error });
  }
}

/** A group may read a file of root: so Kubernetes mounts the secrets of a pod (fsGroup), and PostgreSQL allows it. */
function refuseOpenKey({ mode, uid }: Stats, path: string): void {
  if (process.platform === 'win32') return;
  const isOfRootForOther = uid === 0 && process.getuid?.() !== 0;
  const refused = isOfRootForOther ? OTHERS & ~GROUP_READS : OTHERS;
  if ((mode & refused) !== 0)
    throw new SettingError(
      `The key ${path} is open to other users: take their rights by chmod 600.`,
    );
}

function textAt(path: string, word: string, check: (status: Stats, path: string) => void): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new SettingError(`The ${word} ${path} can't be read (${fileFailure(error)}).`, {
      cause: error,
    });
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new SettingError(`The ${word} ${path} is no file.`);
    check(status, path);
    if (status.size > MAX_FILE_BYTES)
      throw new SettingError(`The ${word} ${path} is longer than 1 MiB.`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
