/** The reasons why a request got no answer, of what `fetch` throws. */
import { isObject } from '../json.ts';

/** The node speaks plain http, so that nothing was sent. */
const SPEAKS_NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);

/** A node that speaks TLS hangs up without a word if it is asked by http, and so does one that ends. */
const HUNG_UP = new Set(['UND_ERR_SOCKET', 'ECONNRESET']);

/**
 * Codes by which Node says that there never was a connection. Browsers give no code, so any of their
 * requests may have arrived.
 */
const NEVER_CONNECTED = new Set([
  // The certificate of the node does not count, so that nothing was sent.
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ...SPEAKS_NO_TLS,
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Node's own advice on an unknown authority, which names a flag that users of a library can't give. */
const NODE_ADVICE = /; if the root CA is installed locally.*$/s;

/** Whether the node may have got the request. */
export function mayHaveArrived(error: unknown): boolean {
  const code = codeOf(error);
  return code === null || !NEVER_CONNECTED.has(code);
}

/** @param url of the node that was asked. @returns the end of a sentence, without its full stop. */
export function reasonAt(url: string, error: unknown): string {
  const code = codeOf(error);
  if (code !== null && SPEAKS_NO_TLS.has(code))
    return 'it speaks no TLS: name it by http, or give it a certificate';
  const reason = reasonOf(error);
  return code !== null && HUNG_UP.has(code) && /^http:/i.test(url)
    ? `${reason} (if it speaks TLS, name it by https)`
    : reason;
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  // A name with several addresses gives an AggregateError with an empty message.
  const { message } = cause instanceof Error ? cause : error;
  return message.replace(NODE_ADVICE, '') || (codeOf(error) ?? error.message);
}

/** Node's fetch names the fault only in the cause. */
function codeOf(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  return isObject(cause) && typeof cause.code === 'string' ? cause.code : null;
}
