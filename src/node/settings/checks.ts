/** Settings that must not go together, or not with the place where the node listens. */
import { SettingError } from '../../words/errors.ts';
import { isBlockedPort } from '../blockedPorts.ts';
import { isLoopback } from '../loopback.ts';
import type { NodeSettings } from '../nodeSettings.ts';

/** The default of 0.1.0, which everybody knows. */
const PUBLISHED_TOKEN = 'secret';
const LEAST_TOKEN_CHARACTERS = 16;

/**
 * Refused off loopback, where every process that reaches the port could act as a node with a known
 * token.
 */
export function refuseOpenToken(
  own: Pick<NodeSettings, 'internalToken' | 'internalTokenFile' | 'host' | 'peerHost'>,
  names: { readonly token: string; readonly file: string; readonly host: string },
): void {
  const host = isLoopback(own.host) ? (own.peerHost ?? own.host) : own.host;
  if (isLoopback(host) || own.internalTokenFile !== null) return;
  if (own.internalToken === PUBLISHED_TOKEN)
    throw new SettingError(
      `${names.token} must not be a word that everybody knows: set a token of your own to listen on ${host}.`,
    );
  if (own.internalToken !== null) {
    refuseShortTokens([own.internalToken], own);
    return;
  }
  throw new SettingError(
    `A node that listens on ${host} needs a token that its cluster shares: name its file by ${names.file}, ` +
      `give it by ${names.token}, or listen on 127.0.0.1 by ${names.host}.`,
  );
}

/**
 * Anybody who reaches the port gets a proof of the token, and may then try texts against it without asking again.
 *
 * @throws SettingError, without a token in it.
 */
export function refuseShortTokens(
  tokens: readonly string[],
  { host, peerHost }: Pick<NodeSettings, 'host' | 'peerHost'>,
): void {
  if (isLoopback(host) && isLoopback(peerHost ?? host)) return;
  if (tokens.every((token) => token.length >= LEAST_TOKEN_CHARACTERS)) return;
  throw new SettingError(
    `A node that listens off loopback needs a token of at least ${LEAST_TOKEN_CHARACTERS} characters, because ` +
      'anybody who reaches it may guess: make one by `openssl rand -base64 32`.',
  );
}

/** A JWT for another service of the same provider must not open this one. */
export function refuseHalfJwt(
  { jwks, jwtIssuer, jwtAudience }: Pick<NodeSettings, 'jwks' | 'jwtIssuer' | 'jwtAudience'>,
  jwksName: string,
  otherNames: string,
): void {
  if (jwks === null || (jwtIssuer !== null && jwtAudience !== null)) return;
  throw new SettingError(`${jwksName} needs ${otherNames}: name whose JWTs count, and for whom.`);
}

/** A flag opens a node to others, not silence. */
export function refuseUnguarded(
  { host, authFile, jwks, open }: Pick<NodeSettings, 'host' | 'authFile' | 'jwks' | 'open'>,
  fileName: string,
  openName: string,
): void {
  if (isLoopback(host) || authFile !== null || jwks !== null || open) return;
  throw new SettingError(
    `A node that listens on ${host} must know who may do what: name its file of tokens by ${fileName}, or say ` +
      `${openName} if everybody who reaches the port may read and write everything.`,
  );
}

/** Without a port of its own there is no listener that the address could be of. */
export function refuseHalfPeerPort(
  { port, peerPort, peerHost }: Pick<NodeSettings, 'port' | 'peerPort' | 'peerHost'>,
  names: { readonly port: string; readonly peerPort: string; readonly peerHost: string },
): void {
  if (peerHost !== null && peerPort === null)
    throw new SettingError(`${names.peerHost} needs ${names.peerPort}: name the port for peers.`);
  if (peerPort === port && port !== 0)
    throw new SettingError(
      `${names.peerPort} must be another port than ${names.port}, which is ${port}: without it, peers come there too.`,
    );
}

/** Its own client, its health check and every page could not reach a node there. */
export function refuseBlockedPort({ port }: Pick<NodeSettings, 'port'>, name: string): void {
  if (!isBlockedPort(port)) return;
  throw new SettingError(
    `${name} must not be ${port}: fetch refuses to connect to it, in browsers and in Node, so choose another port.`,
  );
}

/** Nobody would read that writes are not told. */
export function refuseAuditNowhere(
  { auditLog, auditWrites }: Pick<NodeSettings, 'auditLog' | 'auditWrites'>,
  writesName: string,
  logName: string,
): void {
  if (!auditWrites || auditLog !== null) return;
  throw new SettingError(`${writesName} needs ${logName}: name the file that gets the lines.`);
}
