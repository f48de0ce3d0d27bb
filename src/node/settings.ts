/**
 * Every setting of a node: its name, default, allowed values and meaning, once.
 *
 * Invariant: a row in `settings/` is all that a setting needs. Its flag (`--join-timeout`), its
 * environment variable (`JOIN_TIMEOUT`), the help and the tables of docs/settings.md are made from it.
 */
import type { z } from 'zod';
import { SettingError } from '../words/errors.ts';
import type { GivenSettings, NodeSettings } from './nodeSettings.ts';
import {
  describeSettings,
  type Environment,
  type Flags,
  readGiven,
  readShape,
  refuseUnknown,
  type SettingGroup,
} from './settingKinds.ts';
import { accessRows } from './settings/accessRows.ts';
import {
  refuseAuditNowhere,
  refuseBlockedPort,
  refuseHalfJwt,
  refuseHalfPeerPort,
  refuseOpenToken,
  refuseUnguarded,
} from './settings/checks.ts';
import { clusterRows } from './settings/clusterRows.ts';
import { limitRows } from './settings/limitRows.ts';
import { loggingRows } from './settings/loggingRows.ts';
import { servingRows } from './settings/servingRows.ts';
import { storageRows } from './settings/storageRows.ts';
import { refuseHalfTls, type TlsSettings } from './settings/tlsChecks.ts';
import { tlsRows } from './settings/tlsRows.ts';
import { oneToken, refuseTwoTokens } from './token.ts';

export type { NodeSettings };

export const nodeShape = {
  ...clusterRows,
  ...servingRows,
  ...accessRows,
  ...tlsRows,
  ...storageRows,
  ...loggingRows,
} satisfies Record<keyof Omit<NodeSettings, 'limits'>, z.ZodType>;

export const limitShape = limitRows;

/** All rows. */
export const settingsShape = { ...nodeShape, ...limitShape };

/** In the order in which help and docs/settings.md show them. */
export const settingGroups: readonly SettingGroup[] = [
  { title: 'Cluster', shape: clusterRows },
  { title: 'Addresses and clients', shape: servingRows },
  { title: 'Who may do what', shape: accessRows },
  { title: 'TLS', shape: tlsRows },
  { title: 'Storage', shape: storageRows },
  { title: 'Logging', shape: loggingRows },
  { title: 'Limits', shape: limitRows },
];

/** @throws SettingError, whose message is one sentence. */
export function readSettings(flags: Flags, environment: Environment): NodeSettings {
  const own = readShape(nodeShape, flags, environment);
  const limits = readShape(limitShape, flags, environment);
  const token = oneToken(own, flags);
  refuseOpenToken(
    { ...own, ...token },
    {
      token: '--internal-token (INTERNAL_TOKEN)',
      file: '--internal-token-file (INTERNAL_TOKEN_FILE)',
      host: '--host (HOST)',
    },
  );
  refuseUnguarded(own, '--auth-file (AUTH_FILE)', '--open (OPEN=true)');
  refuseHalfJwt(own, '--jwks', '--jwt-issuer and --jwt-audience');
  refuseHalfTls(own, flagOf);
  refuseAuditNowhere(own, '--audit-writes', '--audit-log (AUDIT_LOG)');
  refuseBlockedPort(own, '--port (PORT)');
  refuseHalfPeerPort(own, {
    port: '--port (PORT)',
    peerPort: '--peer-port (PEER_PORT)',
    peerHost: '--peer-host (PEER_HOST)',
  });
  return { ...own, ...token, limits };
}

/**
 * Checks the settings that a program gives as numbers, texts and lists, and adds the defaults.
 *
 * @throws SettingError, whose message is one sentence, for a wrong value and for an unknown name.
 */
export function completeSettings(given: GivenSettings): NodeSettings {
  refuseNoObject('The settings', given);
  const { limits: givenLimits = {}, ...givenOwn } = given;
  refuseNoObject('limits', givenLimits);
  refuseUnknown(givenOwn, [...Object.keys(nodeShape), 'limits'], '');
  refuseUnknown(givenLimits, Object.keys(limitShape), 'limits.');
  const own = readGiven(nodeShape, givenOwn, '');
  const limits = readGiven(limitShape, givenLimits, 'limits.');
  refuseTwoTokens(own, 'internalToken', 'internalTokenFile');
  refuseOpenToken(own, { token: 'internalToken', file: 'internalTokenFile', host: 'host' });
  refuseUnguarded(own, 'authFile', 'open: true');
  refuseHalfJwt(own, 'jwks', 'jwtIssuer and jwtAudience');
  refuseHalfTls(own, (name) => name);
  refuseAuditNowhere(own, 'auditWrites', 'auditLog');
  refuseBlockedPort(own, 'port');
  refuseHalfPeerPort(own, { port: 'port', peerPort: 'peerPort', peerHost: 'peerHost' });
  return { ...own, limits };
}

/** The names of a setting on the command line and in the environment. */
function flagOf(name: keyof TlsSettings): string {
  const one = describeSettings(nodeShape).find((row) => row.name === name);
  return one === undefined ? name : `${one.flag} (${one.environment})`;
}

/** Programs in plain JavaScript pass anything. */
function refuseNoObject(name: string, given: unknown): void {
  if (typeof given === 'object' && given !== null) return;
  throw new SettingError(`${name} must be an object with settings by name.`);
}
