/** A value as JSON, with the types that its writer gave its parts; and two values side by side. */
import { type ComponentChildren, h } from 'preact';
import { size } from '../words/formats.ts';
import { diffLines, kindOf, laidOut, typedParts } from '../words/jsonText.ts';

/** In characters: a longer text is shown cut, so that the page stays quick. */
const MOST_SHOWN = 200_000;

export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

interface ValueProps {
  /** JSON text. */
  readonly text: string;
  readonly meta: unknown;
}

export function Value({ text, meta }: ValueProps): ComponentChildren {
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
  const own = typedParts(meta).find(({ path }) => path === '');
  return own === undefined ? kindOf(text) : nameOfType(own.type);
};

interface DiffProps {
  readonly before: string;
  readonly after: string;
}

/** The lines of two JSON texts; signs tell what colours tell. */
export function Diff({ before, after }: DiffProps): ComponentChildren {
  const lines = diffLines(laidOut(before), laidOut(after));
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
