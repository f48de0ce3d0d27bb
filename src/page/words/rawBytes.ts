/** Raw bytes as the page shows them (ADR 35): taken from the JSON text of an op, and put into words. Pure. */
import { isRawType, RAW_MARK } from '../../words/rawValue.ts';
import { size } from './formats.ts';
import { laidOut } from './jsonText.ts';

export interface RawBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Their media type. */
  readonly type: string;
}

/** The type of a file whose type nobody knows (RFC 9110, section 8.3). */
export const UNKNOWN_TYPE = 'application/octet-stream';
/** Browsers show these as pictures; a picture runs no script. */
const PICTURE = /^image\/(?:png|jpeg|gif|webp|avif|bmp|svg\+xml|x-icon|vnd\.microsoft\.icon)\b/i;
const CHUNK = 0x8000;
const HEX_ROWS = 16;
const HEX_COLUMNS = 16;
const LONGEST_NAME = 80;

/** @param value JSON text. @returns null if it is a JSON value. */
export function rawBytesOf(value: string, meta: unknown): RawBytes | null {
  if (meta !== RAW_MARK) return null;
  try {
    const parsed: { readonly bytes?: unknown; readonly type?: unknown } | null = JSON.parse(value);
    const { bytes, type } = parsed ?? {};
    if (typeof bytes !== 'string' || typeof type !== 'string' || !isRawType(type)) return null;
    return { bytes: Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0)), type };
  } catch {
    return null;
  }
}

/** The JSON text that an op carries for the bytes. */
export function rawText({ bytes, type }: RawBytes): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK)
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return `{"bytes":"${btoa(text)}","type":${JSON.stringify(type)}}`;
}

export type Preview =
  | { readonly kind: 'picture' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly text: string; readonly isCut: boolean };

/** A picture by its type; a text if the bytes are one; else the first of them as numbers. */
export function previewOf({ bytes, type }: RawBytes): Preview {
  if (PICTURE.test(type)) return { kind: 'picture' };
  const text = textIn(bytes);
  if (text !== null) return { kind: 'text', text };
  return { kind: 'bytes', text: hexOf(bytes), isCut: bytes.length > HEX_ROWS * HEX_COLUMNS };
}

function textIn(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // A text has no control characters but those that lay it out.
    return /[^\P{Cc}\s]/u.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** Rows of sixteen, each with its place and its printable characters. */
function hexOf(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, HEX_ROWS * HEX_COLUMNS); at += HEX_COLUMNS) {
    const row = [...bytes.subarray(at, at + HEX_COLUMNS)];
    const numbers = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const signs = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.'));
    const place = at.toString(16).padStart(4, '0');
    rows.push(`${place}  ${numbers.padEnd(HEX_COLUMNS * 3 - 1)}  ${signs.join('')}`);
  }
  return rows.join('\n');
}

/** Lines that stand for a value where two are compared. @param value JSON text. */
export function comparedText(value: string, meta: unknown): string {
  const raw = rawBytesOf(value, meta);
  if (raw === null) return laidOut(value);
  const preview = previewOf(raw);
  const head = `${raw.type}, ${size(raw.bytes.length)}`;
  return preview.kind === 'picture' ? `${head}\n${hexOf(raw.bytes)}` : `${head}\n${preview.text}`;
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'text/plain': 'txt',
  'text/javascript': 'js',
  [UNKNOWN_TYPE]: 'bin',
};

/** A name for a file of the bytes: the end of the key, with an extension by the type if it has none. */
export function fileNameOf(key: string, type: string): string {
  const last = key.split(/[/:\\]/).findLast((part) => part !== '') ?? '';
  const plain = last
    .replace(/[^\p{L}\p{N}._-]/gu, '_')
    .replace(/^\.+/, '')
    .slice(-LONGEST_NAME);
  const name = plain === '' ? 'value' : plain;
  if (/\.[A-Za-z0-9]{1,5}$/.test(name)) return name;
  const [essence = ''] = type.toLowerCase().split(/[;\s]/);
  const extension = EXTENSIONS[essence] ?? /\/([a-z0-9]{2,5})$/.exec(essence)?.[1] ?? 'bin';
  return `${name}.${extension}`;
}
