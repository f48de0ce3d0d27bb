/** The authorities by which a command verifies the certificates of nodes. */

import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { InvalidArgumentError, Option } from 'commander';
import { CertificateError, certificatesIn } from '../../net/certificates.ts';
import { SettingError } from '../../words/errors.ts';
import { fileFailure } from '../../words/fileFailure.ts';

/** Whether a person chose authorities for this command. */
let isChosen = false;

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
  isChosen = true;
  const authorities = authoritiesIn(file);
  // Node 24.5.
  if (typeof tls.setDefaultCACertificates !== 'function')
    throw new InvalidArgumentError(
      `This Node is too old for it: name the file by NODE_EXTRA_CA_CERTS=${file} instead.`,
    );
  tls.setDefaultCACertificates(authorities);
  return file;
}

/** Those of a context, unless a person chose others. @throws SettingError */
export function trustContext(file: string): void {
  if (isChosen) return;
  try {
    trustOnly(file);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new SettingError(`The authorities of the context in ${file}: ${error.message}`, {
      cause: error,
    });
  }
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
