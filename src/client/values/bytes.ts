/**
 * Raw bytes with their media type. A node stores them as they are, and gives them to anybody who asks for the
 * key by HTTP, with their type.
 *
 * In JSON they are `{"bytes": base64, "type"}`, and the annotation beside them is the text `bytes`.
 */
import { isObject } from '../json.ts';
import { invalid } from './valueCheck.ts';

/** The annotation of raw bytes. */
const MARK = 'bytes';
/** The longest type that a node takes, in characters. */
const MAX_TYPE_LENGTH = 256;
const JSON_TYPE = /^[^;]*[/+]json[ \t]*(?:;|$)/i;

/** A value that is bytes of a media type: `put` stores it, and reads give it back. */
export class Bytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;

  /**
   * @param bytes copied.
   * @param type a media type of at most 256 characters, such as `image/png`; none of JSON, which is a value by itself.
   * @throws InvalidRequestError for another type.
   */
  constructor(bytes: Uint8Array, type = 'application/octet-stream') {
    if (!(bytes instanceof Uint8Array)) throw invalid('its bytes are no Uint8Array');
    if (typeof type !== 'string' || !/^[!-~]+\/[ -~]+$/.test(type) || type.length > MAX_TYPE_LENGTH)
      throw invalid('its type is no media type, such as image/png');
    if (JSON_TYPE.test(type))
      throw invalid('bytes of JSON are a value by themselves: put that, without a type');
    this.bytes = new Uint8Array(bytes);
    this.type = type;
  }
}

/** The value and the annotation in JSON. */
export const bytesJson = ({ bytes, type }: Bytes) => ({
  value: `{"bytes":"${toBase64(bytes)}","type":${JSON.stringify(type)}}`,
  meta: JSON.stringify(MARK),
});

/** @param json the value off the wire, its bytes in base64 or as they came. @returns null if it is none. */
export function bytesFrom(json: unknown, meta: unknown): Bytes | null {
  if (meta !== MARK || !isObject(json) || typeof json.type !== 'string') return null;
  const bytes = json.bytes instanceof Uint8Array ? json.bytes : fromBase64(json.bytes);
  return bytes === null ? null : new Bytes(bytes, json.type);
}

/** The members of an entry whose bytes came as the body of an answer. */
export const rawMembers = (bytes: Uint8Array, headers: Headers) => ({
  value: { bytes, type: headers.get('Content-Type') ?? '' },
  meta: MARK,
  version: Number(headers.get('Hearsay-Version')),
  expires_at: headers.get('Hearsay-Expires-At'),
});

/** Characters of one call: an engine bounds the number of arguments. */
const CHUNK = 8192;

/** By `btoa` and `atob`, which all platforms have; `Uint8Array.fromBase64` is younger. */
function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK)
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

function fromBase64(text: unknown): Uint8Array | null {
  if (typeof text !== 'string') return null;
  try {
    const characters = atob(text);
    return Uint8Array.from(characters, (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
