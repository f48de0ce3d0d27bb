/** Settings: who may do what. */
import { z } from 'zod';
import { onOff, setting } from '../settingKinds.ts';
import { path } from './texts.ts';

/** Those of asymmetric keys: a node that could sign would be an identity provider. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

export const accessRows = {
  authFile: setting(path().nullable(), {
    default: null,
    placeholder: 'file',
    allowed: 'the path of a file',
    help: 'file of tokens, which says who may do what; see `hearsay token create`',
  }),
  jwks: setting(path().nullable(), {
    default: null,
    placeholder: 'place',
    allowed: 'the path or the URL of a key set (RFC 7517)',
    help: 'key set of an identity provider, a file or a URL, whose JWTs count beside the file of tokens',
  }),
  jwtIssuer: setting(z.string().min(1).nullable(), {
    default: null,
    placeholder: 'issuer',
    allowed: 'the `iss` of the JWTs',
    help: 'the iss of its JWTs; needed with --jwks',
  }),
  jwtAudience: setting(z.string().min(1).nullable(), {
    default: null,
    placeholder: 'audience',
    allowed: 'an `aud` of the JWTs',
    help: 'the aud that its JWTs must name; needed with --jwks',
  }),
  jwtAlgorithms: setting(jwtAlgorithms(), {
    default: 'RS256,ES256,EdDSA',
    placeholder: 'names',
    allowed: `names separated by commas, of ${ALGORITHMS.join(', ')}`,
    allowedEach: `${ALGORITHMS.join(', ')}`,
    help: 'algorithms by which its JWTs may be signed, separated by commas',
  }),
  open: onOff({
    help: 'off loopback, without a file of tokens: everybody who reaches the port may read and write everything',
  }),
  auditLog: setting(path().nullable(), {
    default: null,
    placeholder: 'file',
    allowed: 'the path of a file',
    help: 'file that gets a line for each act of an operator, and for wrong tokens',
  }),
  auditWrites: onOff({
    help: 'the audit log gets a line for each write too, with its key and op id',
  }),
};

function jwtAlgorithms() {
  return z
    .string()
    .transform((text): readonly string[] => text.split(',').map((name) => name.trim()))
    .refine((names) => names.every((name) => ALGORITHMS.includes(name)));
}
