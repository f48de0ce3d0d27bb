/**
 * Schemas of requests. The same schemas validate and describe (openapi.ts). Values are `unknown`
 * throughout: zod looks at the members of a request and never into a value, however deep that value is.
 */
import { z } from 'zod';
import { hasLoneSurrogate } from '../../words/json.ts';
import type { Limits } from '../../words/limits.ts';
import { MAX_PUT_VERSION, MAX_TTL_MS } from '../../words/op.ts';
import { RAW_MARK } from '../../words/rawValue.ts';
import { isLonger } from './target.ts';

/** The message "must be …" for a wrong value, or "is missing: it must be …" without one. */
const mustBe = (what: string) => ({
  error: (issue: { readonly input?: unknown }) =>
    issue.input === undefined ? `is missing: it must be ${what}` : `must be ${what}`,
});

const isJsonObject = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

const OBJECT = mustBe('a JSON object');

/** An object that refuses other members, and names its own to a client that misspells one. */
const strictObject = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `is not supported here: there is ${Object.keys(shape).join(', ')}`
        : OBJECT.error(issue),
  });

const VERSION = mustBe(`an integer from 0 to ${MAX_PUT_VERSION}, or "next"`);
const TTL = mustBe(`an integer from 1 to ${MAX_TTL_MS}, or null`);
const UP_TO_VERSION = mustBe(`an integer from 0 to ${MAX_PUT_VERSION}`);

const value = z
  .unknown()
  .refine((input) => input !== undefined, 'is missing: it must be any JSON')
  .meta({ description: 'Any JSON. It comes back exactly as it was sent.' });

const version = z
  .union([z.int(VERSION).min(0, VERSION).max(MAX_PUT_VERSION, VERSION), z.literal('next')], VERSION)
  .meta({ description: '"next" takes the version after the current one, or 1.' });

const ttlMs = z
  .int(TTL)
  .min(1, TTL)
  .max(MAX_TTL_MS, TTL)
  .nullish()
  .meta({ description: 'Time to live in milliseconds; null or none: the entry never expires.' });

const touchTtlMs = z.int(TTL).min(1, TTL).max(MAX_TTL_MS, TTL).nullable().meta({
  description: 'The time to live from now on, in milliseconds; null: the entry never expires.',
});

const meta = z
  .unknown()
  .refine(
    (input) => input == null || input === RAW_MARK || isJsonObject(input),
    'must be an object, null or "bytes"',
  )
  .optional()
  .meta({
    description:
      'Annotations of types (superjson), opaque to the node; or `bytes`: the value is `{"bytes", "type"}`, raw bytes ' +
      'in base64 with their media type.',
    override: { anyOf: [{ type: ['object', 'null'] }, { const: RAW_MARK }] },
  });

const upToVersion = z
  .int(UP_TO_VERSION)
  .min(0, UP_TO_VERSION)
  .max(MAX_PUT_VERSION, UP_TO_VERSION)
  .meta({ description: 'Delete only a live entry of at most this version.' });

const isDigits = /^\d{1,16}$/;

/** A whole number in a query. */
export const digits = (minimum: number, maximum: number) => {
  const message = mustBe(`an integer from ${minimum} to ${maximum}`);
  return z
    .string(message)
    .regex(isDigits, message)
    .transform(Number)
    .refine((number) => number >= minimum && number <= maximum, message)
    .meta({ override: { type: 'integer', minimum, maximum } });
};

/** A whole number in a query, or the word. */
export const digitsOr = <Word extends string>(word: Word, minimum: number, maximum: number) => {
  const message = mustBe(`an integer from ${minimum} to ${maximum}, or ${word}`);
  const isNumber = (text: string): boolean =>
    isDigits.test(text) && Number(text) >= minimum && Number(text) <= maximum;
  return z
    .string(message)
    .refine((text) => text === word || isNumber(text), message)
    .transform((text) => (text === word ? word : Number(text)))
    .meta({ override: { anyOf: [{ type: 'integer', minimum, maximum }, { const: word }] } });
};

export const putBodySchema = z
  .object({ value, version, ttl_ms: ttlMs, meta }, OBJECT)
  .meta({ id: 'Put' });

export const touchBodySchema = strictObject({ ttl_ms: touchTtlMs }).meta({ id: 'Touch' });

export type PutBody = z.output<typeof putBodySchema>;
export type TouchBody = z.output<typeof touchBodySchema>;

export const deleteVersion = digits(0, MAX_PUT_VERSION)
  .optional()
  .meta({ description: 'Delete only a live entry of at most this version.' });

export const bulkDeleteQuerySchema = z.object({
  prefix: z.string().default('').meta({ description: 'Delete the keys with this prefix.' }),
  all: z
    .enum(['true', 'false'], mustBe('true or false'))
    .default('false')
    .meta({ description: 'Must be true if the prefix is empty.' }),
});

/** The schemas that depend on the limits of the node. */
export function createSchemas({ maxKeyBytes, maxBatchOps, maxListEntries }: Limits) {
  const key = z
    .string(mustBe('a string'))
    .min(1, 'must not be empty')
    .refine((text) => !hasLoneSurrogate(text), 'must not hold half of a surrogate pair')
    .refine((text) => !isLonger(text, maxKeyBytes), `must not be longer than ${maxKeyBytes} bytes`)
    .meta({ description: `Any Unicode, at most ${maxKeyBytes} bytes of UTF-8.` });

  const batchOp = z
    .discriminatedUnion(
      'op',
      [
        z.object({ op: z.literal('put'), key, value, version, ttl_ms: ttlMs, meta }),
        strictObject({ op: z.literal('get'), key }),
        strictObject({ op: z.literal('touch'), key, ttl_ms: touchTtlMs }),
        strictObject({ op: z.literal('delete'), key, version: upToVersion.optional() }),
      ],
      {
        error: ({ input }) =>
          isJsonObject(input) ? 'must be "put", "get", "delete" or "touch"' : 'must be an object',
      },
    )
    .meta({ id: 'BatchOp' });

  return {
    key,
    batchOp,
    batchBody: strictObject({
      ops: z.array(batchOp, mustBe('an array')).max(maxBatchOps),
    }).meta({ id: 'Batch' }),
    getManyBody: strictObject({
      keys: z.array(key, mustBe('an array')).max(maxBatchOps),
      at: z
        .string(mustBe('a string'))
        .optional()
        .meta({ description: 'A time (RFC 3339, or `-10m`), an lsn (`lsn:123`) or a cursor.' }),
    }).meta({ id: 'GetMany' }),
    listQuery: z.object({
      prefix: z.string().default('').meta({ description: 'List the keys with this prefix.' }),
      after: z.string().optional().meta({ description: 'List the keys after this one.' }),
      limit: digits(1, maxListEntries)
        .optional()
        .meta({ description: `At most this number of entries; default ${maxListEntries}.` }),
      values: z
        .enum(['true', 'false'], 'must be true or false')
        .default('true')
        .meta({ description: 'false: entries carry no value and no annotations.' }),
      delimiter: z
        .string()
        .min(1, 'must not be empty')
        .optional()
        .meta({
          description:
            'Shows one level of a tree: keys with it after the prefix are shown as one of `prefixes`, which ends ' +
            'with the delimiter. It goes with values=false. The limit counts keys and prefixes.',
        }),
    }),
  };
}

export type Schemas = ReturnType<typeof createSchemas>;
export type Batch = z.output<Schemas['batchBody']>;
export type BatchOp = Batch['ops'][number];
