/**
 * The file of tokens: who may do what, without any secret.
 *
 * Invariant: a file is taken as a whole or not at all, and a member that it should not have makes it
 * faulty: a misspelt `prefixes` would otherwise open every key.
 */
import { z } from 'zod';
import { HearsayError } from '../words/errors.ts';
import { SCOPES } from './scopes.ts';
import { ID_RULE, isTokenId } from './secret.ts';

/** Tokens of one file. */
const MOST_TOKENS = 10_000;
const MOST_PREFIXES = 1000;

const prefixes = z
  .array(z.string().min(1, 'must not be empty: leave `prefixes` out for all keys'))
  .min(1, 'must name a prefix: leave it out for all keys')
  .max(MOST_PREFIXES);

/** The rule of a name in a certificate, for a sentence that begins with "It must be". */
export const CERTIFICATE_NAME_RULE = '1 to 256 printable ASCII characters';

const grant = {
  scopes: z.array(z.enum(SCOPES)).min(1, 'must name a scope'),
  prefixes: prefixes.optional(),
  expires: z.iso.datetime('must be a time such as 2027-06-01T00:00:00Z').optional(),
  limits: z
    .strictObject({
      rps: z.int().min(1).max(1_000_000).optional(),
      watchers: z.int().min(1).max(1_000_000).optional(),
    })
    .optional(),
};

const isWholeLog = ({ scopes, prefixes: own }: Grant): boolean =>
  own === undefined || !scopes.includes('log');

const WHOLE_LOG = {
  path: ['prefixes'],
  message: 'can not go with the scope log, which sees all keys',
};

const tokenSchema = z
  .strictObject({
    id: z.string().refine(isTokenId, `must be ${ID_RULE}`),
    hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits'),
    ...grant,
  })
  .refine(isWholeLog, WHOLE_LOG);

const certificateSchema = z
  .strictObject({
    name: z.string().refine(isCertificateName, `must be ${CERTIFICATE_NAME_RULE}`),
    ...grant,
  })
  .refine(isWholeLog, WHOLE_LOG);

const fileSchema = z.strictObject({
  version: z.literal(1),
  tokens: z.array(tokenSchema).max(MOST_TOKENS),
  certificates: z.array(certificateSchema).max(MOST_TOKENS).optional(),
  anonymous: z
    .strictObject({
      // Everybody sees the health; the word is there for readers.
      scopes: z.array(z.enum([...SCOPES, 'health']).exclude(['admin', 'log'])),
      prefixes: prefixes.optional(),
    })
    .optional(),
});

export type TokenRow = z.output<typeof tokenSchema>;
export type CertificateRow = z.output<typeof certificateSchema>;
/** That which a row allows its bearer. */
export type Grant = z.output<z.ZodObject<typeof grant>>;
export type AuthFile = z.output<typeof fileSchema>;

/** A file of tokens can't be used; the message is one sentence without its end, and has no secret. */
export class AuthFileError extends HearsayError {}

export const EMPTY_AUTH_FILE: AuthFile = { version: 1, tokens: [] };

/** The end of a sentence that begins with the place. No value is quoted: it may be a secret. */
function faultOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'is missing: add it, or make the file by `hearsay token create`'
        : `must be of another type: ${issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'unrecognized_keys':
      return 'has a member that is unknown: take it out, or correct its name';
    case 'too_small':
      return `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    default:
      return 'is malformed';
  }
}

/** @throws AuthFileError that names the place of the fault. */
export function parseAuthFile(text: string): AuthFile {
  const parsed = fileSchema.safeParse(jsonOf(text), { error: faultOf });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue?.path.join('.') || 'the file';
    throw new AuthFileError(`${place} ${issue?.message ?? 'is malformed'}`);
  }
  const { tokens } = parsed.data;
  refuseTwice(
    tokens.map(({ id }) => id),
    (id) => `two tokens have the id ${id}`,
  );
  refuseTwice(
    tokens.map(({ hash }) => hash),
    () => 'two tokens have the same hash',
  );
  refuseTwice(
    (parsed.data.certificates ?? []).map(({ name }) => name),
    (name) => `two certificates have the name ${name}`,
  );
  return parsed.data;
}

export function isCertificateName(text: string): boolean {
  return /^[\x20-\x7e]{1,256}$/.test(text);
}

/** The public name of a caller that shows a certificate; no token has such an id. */
export const idOfCertificate = (name: string): string => `cert:${name}`;

export const formatAuthFile = (file: AuthFile): string => `${JSON.stringify(file, null, 2)}\n`;

/** @throws AuthFileError if there is a token of that id. */
export function withToken(file: AuthFile, row: TokenRow): AuthFile {
  if (file.tokens.some(({ id }) => id === row.id))
    throw new AuthFileError(`there is a token ${row.id} already`);
  return { ...file, tokens: [...file.tokens, row] };
}

/** @throws AuthFileError if there is a certificate of that name. */
export function withCertificate(file: AuthFile, row: CertificateRow): AuthFile {
  const { certificates = [] } = file;
  if (certificates.some(({ name }) => name === row.name))
    throw new AuthFileError(`there is a certificate ${row.name} already`);
  return { ...file, certificates: [...certificates, row] };
}

/**
 * @param id of a token, or of a certificate as `idOfCertificate` has it.
 * @throws AuthFileError if there is none of that id.
 */
export function withoutToken(file: AuthFile, id: string): AuthFile {
  const tokens = file.tokens.filter((row) => row.id !== id);
  const certificates = file.certificates?.filter(({ name }) => idOfCertificate(name) !== id);
  const isChanged =
    tokens.length !== file.tokens.length || certificates?.length !== file.certificates?.length;
  if (!isChanged) throw new AuthFileError(`there is no token ${id}`);
  return { ...file, tokens, ...(certificates !== undefined && { certificates }) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The message of JSON.parse quotes the text.
    throw new AuthFileError('the file is not JSON');
  }
}

function refuseTwice(texts: readonly string[], sentence: (text: string) => string): void {
  const seen = new Set<string>();
  for (const text of texts) {
    if (seen.has(text)) throw new AuthFileError(sentence(text));
    seen.add(text);
  }
}
