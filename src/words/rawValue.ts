/**
 * Raw values: bytes with their media type (ADR 35).
 *
 * An op carries one as a put whose meta is the JSON text `"bytes"`, and whose value is the JSON text
 * `{"bytes":"…","type":"…"}`, without spaces: the bytes in base64 (RFC 4648, section 4) and their media type
 * (RFC 9110, section 8.3.1).
 *
 * Invariant: nothing but raw bytes has this meta. The meta of any other value is an object or null, so a JSON
 * value that looks like the text above is no raw value.
 */
import type { Put } from './op.ts';

/** The meta of a raw value. */
export const RAW_MARK = 'bytes';
/** The same as JSON text: no other spelling counts. */
export const RAW_META = JSON.stringify(RAW_MARK);
/** The longest media type, in characters, which are ASCII. */
export const MAX_MEDIA_TYPE_LENGTH = 256;

export interface RawValue {
  readonly bytes: Buffer;
  /** As its writer sent it. */
  readonly type: string;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*"';
const MEDIA_TYPE = new RegExp(
  `^${TOKEN}/${TOKEN}(?:[ \\t]*;[ \\t]*(?:${TOKEN}=(?:${TOKEN}|${QUOTED}))?)*$`,
);
const JSON_MEDIA_TYPE = /^(?:application\/json|[^;]*\+json)[ \t]*(?:;|$)/i;

/** Whether the text is a media type that raw bytes may have: a body of JSON is a JSON value. */
export const isRawType = (text: string): boolean =>
  text.length <= MAX_MEDIA_TYPE_LENGTH && MEDIA_TYPE.test(text) && !JSON_MEDIA_TYPE.test(text);

const HEAD = '{"bytes":"';
const MIDDLE = '","type":';

/** The value and the meta of a put that stores the bytes. @param type for which `isRawType` holds. */
export const rawParts = ({ bytes, type }: RawValue): Pick<Put, 'value' | 'meta'> => ({
  value: `${HEAD}${bytes.toString('base64')}${MIDDLE}${JSON.stringify(type)}}`,
  meta: RAW_META,
});

/**
 * The raw value of a put; null for a JSON value. A put of another implementation may have the meta of a raw
 * value and no such value: that is JSON, too.
 */
export function rawValueOf({ value, meta }: Pick<Put, 'value' | 'meta'>): RawValue | null {
  if (meta !== RAW_META || !value.startsWith(HEAD)) return null;
  const end = value.indexOf('"', HEAD.length);
  if (end === -1 || !value.startsWith(MIDDLE, end)) return null;
  const type = stringOf(value.slice(end + MIDDLE.length, -1));
  if (type === null || !isRawType(type)) return null;
  const bytes = bytesOf(value.slice(HEAD.length, end));
  if (bytes === null) return null;
  const raw = { bytes, type };
  return value.endsWith(`${JSON.stringify(type)}}`) ? raw : null;
}

/** The raw value that JSON describes: an object with the members `bytes` and `type` alone. @returns null if it is none. */
export function rawValueFrom(json: unknown): RawValue | null {
  if (typeof json !== 'object' || json === null || !('bytes' in json) || !('type' in json))
    return null;
  const { bytes: text, type, ...others } = json;
  if (typeof text !== 'string' || typeof type !== 'string' || !isRawType(type)) return null;
  if (Object.keys(others).length > 0) return null;
  const bytes = bytesOf(text);
  return bytes === null ? null : { bytes, type };
}

function stringOf(text: string): string | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'string' ? parsed : null;
  } catch {
    return null;
  }
}

const PADDING = /={1,2}$/;

/** The bytes of a text in base64 with its padding; null for any other text. */
function bytesOf(text: string): Buffer | null {
  if (text.length % 4 !== 0) return null;
  const bytes = Buffer.from(text, 'base64');
  const padding = PADDING.exec(text)?.[0].length ?? 0;
  // Characters of another alphabet are left out by the decoder, or read as those of this one.
  if (bytes.length !== (text.length / 4) * 3 - padding || text.includes('-') || text.includes('_'))
    return null;
  return bytes;
}
