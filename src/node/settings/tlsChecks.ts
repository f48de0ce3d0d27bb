/** Settings of TLS that must not go together, or not without another. */
import { SettingError } from '../../words/errors.ts';
import type { NodeSettings } from '../nodeSettings.ts';

export type TlsSettings = Pick<
  NodeSettings,
  | 'tls'
  | 'tlsCert'
  | 'tlsKey'
  | 'tlsClientCa'
  | 'peerTlsCert'
  | 'peerTlsKey'
  | 'peerTlsCa'
  | 'authFile'
  | 'url'
  | 'peerPort'
  | 'peerAuth'
>;

type Name = keyof TlsSettings;

/**
 * @param nameOf the name by which a person gave the setting, such as `--tls-cert (TLS_CERT)`.
 * @throws SettingError, whose message is one sentence.
 */
export function refuseHalfTls(own: TlsSettings, nameOf: (name: Name) => string): void {
  const refuse = (name: Name, rest: string): never => {
    throw new SettingError(`${nameOf(name)} ${rest}.`);
  };
  for (const [cert, key] of [
    ['tlsCert', 'tlsKey'],
    ['peerTlsCert', 'peerTlsKey'],
  ] as const) {
    if (own[cert] !== null && own[key] === null)
      refuse(cert, `needs ${nameOf(key)}: name the file of its key`);
    if (own[cert] === null && own[key] !== null)
      refuse(key, `needs ${nameOf(cert)}: name the file of its certificate`);
  }
  if (own.tlsClientCa !== null && own.tlsCert === null)
    refuse('tlsClientCa', `needs ${nameOf('tlsCert')}: clients show certificates by TLS alone`);
  if (own.tlsClientCa !== null && own.authFile === null)
    refuse(
      'tlsClientCa',
      `needs ${nameOf('authFile')}, which says what the bearer of each certificate may do`,
    );
  if (own.peerTlsCert !== null && own.tlsCert === null && own.peerPort === null)
    refuse(
      'peerTlsCert',
      `needs ${nameOf('tlsCert')} or ${nameOf('peerPort')}: peers come to the port for clients, which speaks plain http`,
    );
  if (own.peerAuth === 'mtls' && (own.peerTlsCert === null || own.peerTlsCa === null))
    refuse(
      'peerAuth',
      `is mtls, so that the node needs ${nameOf('peerTlsCert')}, ${nameOf('peerTlsKey')} and ${nameOf('peerTlsCa')}`,
    );
  if (own.tls === 'require' && own.tlsCert === null)
    refuse(
      'tls',
      `is require, so that the node needs ${nameOf('tlsCert')} and ${nameOf('tlsKey')}`,
    );
  const peersGet = own.peerPort === null ? own.tlsCert : (own.peerTlsCert ?? own.tlsCert);
  if (peersGet !== null && own.url?.startsWith('http:'))
    refuse(
      'url',
      'must begin with https: a node with a certificate speaks nothing else on its port',
    );
}
