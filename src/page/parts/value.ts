/** A value as JSON, with the types that its writer gave its parts; and two values side by side. */
import { type ComponentChildren, h } from 'preact';
import { useMemo } from 'preact/hooks';
import { size } from '../words/formats.ts';
import { diffLines, kindOf, laidOut, typedParts } from '../words/jsonText.ts';
import { rawBytesOf } from '../words/rawBytes.ts';
import { Bytes, MOST_SHOWN } from './bytes.ts';

/** The size of a value as its writer sent it, in bytes. @param text JSON text. */
export const bytesOf = (text: string, meta: unknown): number =>
  (rawBytesOf(text, meta)?.bytes ?? new TextEncoder().encode(text)).length;

interface ValueProps {
  /** The key of it, which names a file of raw bytes. */
  readonly name: string;
  /** JSON text. */
  readonly text: string;
  readonly meta: unknown;
}

export function Value({ name, text, meta }: ValueProps): ComponentChildren {
  const raw = useMemo(() => rawBytesOf(text, meta), [text, meta]);
  return raw === null ? h(Json, { text, meta }) : h(Bytes, { raw, name });
}

function Json({ text, meta }: Omit<ValueProps, 'name'>): ComponentChildren {
  const whole = laidOut(text.slice(0, MOST_SHOWN));
  const types = typedParts(meta);
  return [
    types.length > 0 &&
      h(
        'dl',
        { class: 'pairs types', 'aria-label': 'Typed values' },
        types.map(({ path, type }) => [
          h('dt', { class: 'mono' }, path === '' ? 'the value' : path),
          h('dd', { class: 'type' }, nameOfType(type)),
        ]),
      ),
    h('pre', { tabIndex: 0, class: 'value', 'aria-label': 'Value' }, h('code', null, whole)),
    text.length > MOST_SHOWN &&
      h('p', { class: 'hint' }, `The first ${size(MOST_SHOWN)} are shown.`),
  ];
}

const NAMES: Readonly<Record<string, string>> = {
  map: 'Map',
  set: 'Set',
  bigint: 'BigInt',
  regexp: 'RegExp',
  number: 'NaN or infinite',
};

const nameOfType = (type: string): string => NAMES[type] ?? type;

export const kindText = (text: string, meta: unknown): string => {
  const raw = rawBytesOf(text, meta);
  if (raw !== null) return raw.type;
  const own = typedParts(meta).find(({ path }) => path === '');
  return own === undefined ? kindOf(text) : nameOfType(own.type);
};

interface DiffProps {
  /** Lines, as `comparedText` makes them of a value. */
  readonly before: string;
  readonly after: string;
}

/** The lines of two texts; signs tell what colours tell. */
export function Diff({ before, after }: DiffProps): ComponentChildren {
  const lines = diffLines(before, after);
  return h(
    'pre',
    { class: 'diff', tabIndex: 0, 'aria-label': 'Difference' },
    lines.map(({ kind, text }) =>
      kind === 'same'
        ? `  ${text}\n`
        : kind === 'added'
          ? h('ins', null, `+ ${text}`)
          : h('del', null, `- ${text}`),
    ),
  );
}
