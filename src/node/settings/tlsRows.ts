/** Settings: certificates, for clients and between nodes. */
import type { z } from 'zod';
import { choice, setting } from '../settingKinds.ts';
import { path } from './texts.ts';

export const tlsRows = {
  tls: choice(['warn', 'require'], {
    default: 'warn',
    help: 'require: the node starts only with a certificate, and speaks to peers only by TLS; warn: it starts without',
  }),
  tlsCert: file(
    'certificate of the node for clients, with those of its issuers; the port then speaks https alone',
  ),
  tlsKey: file('key of that certificate; only its owner may read it'),
  tlsClientCa: file(
    'authorities whose certificates make callers of clients; needs a file of tokens, which lists them',
  ),
  peerTlsCert: file('certificate of the node for its peers, such as `hearsay tls peer` makes'),
  peerTlsKey: file('key of that certificate; only its owner may read it'),
  peerTlsCa: file("authorities of the peers' certificates; by default those of the system"),
};

function file(help: string): z.ZodNullable<z.ZodString> {
  return setting(path().nullable(), {
    default: null,
    placeholder: 'file',
    allowed: 'the path of a file',
    help,
  });
}
