/**
 * Bodies that need no schema, which are nearly all: their fields are the known ones, with values in bounds.
 *
 * Invariant: whatever is plain, the schema takes as it is. All else is left to the schema, which also names the
 * faults; a test compares the two. Checking an op so takes a tenth of the time of the schema (bench/README.md).
 */
import { hasLoneSurrogate } from '../../words/json.ts';
import { MAX_PUT_VERSION, MAX_TTL_MS } from '../../words/op.ts';
import type { Batch, BatchOp, PutBody } from './schemas.ts';
import { isLonger } from './target.ts';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (input: unknown): input is Fields =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

const isIntegerIn = (input: unknown, minimum: number, maximum: number): boolean =>
  Number.isInteger(input) && Number(input) >= minimum && Number(input) <= maximum;

const isVersion = (input: unknown): boolean => isIntegerIn(input, 0, MAX_PUT_VERSION);

/** The fields of a PUT, parsed from JSON. A value that is missing is `undefined`, which JSON can't say. */
const isPlainEntry = ({ value, version, ttl_ms: ttlMs, meta }: Fields): boolean =>
  value !== undefined &&
  (version === 'next' || isVersion(version)) &&
  (ttlMs === undefined || ttlMs === null || isIntegerIn(ttlMs, 1, MAX_TTL_MS)) &&
  (meta === undefined || meta === null || isFields(meta));

const isPlainKey = (key: unknown, maxKeyBytes: number): boolean =>
  typeof key === 'string' && key !== '' && !isLonger(key, maxKeyBytes) && !hasLoneSurrogate(key);

/** Whether no field has another name. An object that JSON.parse made inherits none. */
function hasOnly(fields: Fields, isKnown: (name: string) => boolean): boolean {
  for (const name in fields) if (!isKnown(name)) return false;
  return true;
}

const isPutField = (name: string): boolean =>
  name === 'value' || name === 'version' || name === 'ttl_ms' || name === 'meta';

const isOpField = (name: string): boolean => name === 'op' || name === 'key' || isPutField(name);

const isKeyField = (name: string): boolean => name === 'op' || name === 'key';

const isDeleteField = (name: string): boolean => isKeyField(name) || name === 'version';

/** @param parsed by `JSON.parse`. */
export const isPlainPut = (parsed: unknown): parsed is PutBody =>
  isFields(parsed) && isPlainEntry(parsed) && hasOnly(parsed, isPutField);

/** @param parsed by `JSON.parse`. @param maxKeyBytes the longest key, in bytes of UTF-8. */
export function isPlainOp(parsed: unknown, maxKeyBytes: number): parsed is BatchOp {
  if (!isFields(parsed) || !isPlainKey(parsed.key, maxKeyBytes)) return false;
  switch (parsed.op) {
    case 'put':
      return isPlainEntry(parsed) && hasOnly(parsed, isOpField);
    case 'get':
      return hasOnly(parsed, isKeyField);
    case 'delete':
      return (
        (parsed.version === undefined || isVersion(parsed.version)) &&
        hasOnly(parsed, isDeleteField)
      );
    default:
      return false;
  }
}

/** @param parsed by `JSON.parse`. @param maxKeyBytes the longest key, in bytes of UTF-8. */
export const isPlainBatch = (parsed: unknown, maxKeyBytes: number): parsed is Batch =>
  isFields(parsed) &&
  hasOnly(parsed, (name) => name === 'ops') &&
  Array.isArray(parsed.ops) &&
  parsed.ops.every((op) => isPlainOp(op, maxKeyBytes));
