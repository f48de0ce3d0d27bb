/** The authorities by which a command verifies the certificates of nodes. */

import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { InvalidArgumentError, Option } from 'commander';
import { CertificateError, certificatesIn } from '../../net/certificates.ts';
import { fileFailure } from '../../words/fileFailure.ts';

/** Those of the file count in the place of the system's, for the whole process. */
export const authoritiesOption = (): Option =>
  new Option(
    '--ca <file>',
    "authorities that sign the nodes' certificates; by default the system's",
  )
    .env('HEARSAY_CA')
    .argParser(trustOnly);

/** @throws InvalidArgumentError */
function trustOnly(file: string): string {
  if (file === '') return file;
  const authorities = authoritiesIn(file);
  // Node 24.5.
  if (typeof tls.setDefaultCACertificates !== 'function')
    throw new InvalidArgumentError(
      `This Node is too old for it: name the file by NODE_EXTRA_CA_CERTS=${file} instead.`,
    );
  tls.setDefaultCACertificates(authorities);
  return file;
}

function authoritiesIn(file: string): string[] {
  try {
    return certificatesIn(readFileSync(file, 'utf8')).map(String);
  } catch (error) {
    throw new InvalidArgumentError(
      error instanceof CertificateError
        ? `The file ${error.message}.`
        : `It can't be read (${fileFailure(error)}).`,
    );
  }
}

/** Adds the remedy to the sentence on a node whose certificate is of an unknown authority. */
export const withTrustAdvice = (sentence: string): string =>
  /self-signed certificate|unable to (verify the first|get( local)? issuer) certificate/.test(
    sentence,
  )
    ? `${sentence} Name the authority of its certificate by --ca, or in HEARSAY_CA.`
    : sentence;
