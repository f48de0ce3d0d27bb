/** Raw bytes: a picture or a text of them, and a link that saves them as a file. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { size } from '../words/formats.ts';
import { fileNameOf, previewOf, type RawBytes } from '../words/rawBytes.ts';

/** In characters: a longer text is shown cut, so that the page stays quick. */
export const MOST_SHOWN = 200_000;

interface BytesProps {
  readonly raw: RawBytes;
  /** The key, which names the file. */
  readonly name: string;
}

export function Bytes({ raw, name }: BytesProps): ComponentChildren {
  const url = useUrlOf(raw);
  const preview = previewOf(raw);
  const file = fileNameOf(name, raw.type);
  return [
    preview.kind === 'picture'
      ? // Its place is kept before it comes.
        h('div', { class: 'picture' }, url !== null && h(Picture, { key: url, url, file }))
      : h(
          'pre',
          { tabIndex: 0, class: 'value', 'aria-label': 'Value' },
          h('code', null, preview.text.slice(0, MOST_SHOWN)),
        ),
    preview.kind === 'bytes' &&
      preview.isCut &&
      h('p', { class: 'hint' }, 'The first bytes are shown.'),
    preview.kind === 'text' &&
      preview.text.length > MOST_SHOWN &&
      h('p', { class: 'hint' }, `The first ${size(MOST_SHOWN)} are shown.`),
    h('p', null, h('a', { href: url ?? '#', download: file }, `Download ${file}`)),
  ];
}

/** Bytes may be no picture, whatever their type says. */
function Picture({
  url,
  file,
}: {
  readonly url: string;
  readonly file: string;
}): ComponentChildren {
  const [isBroken, setBroken] = useState(false);
  return isBroken
    ? h('p', { class: 'hint' }, 'The browser can not show these bytes as a picture.')
    : h('img', { src: url, alt: file, onError: () => setBroken(true) });
}

/** A URL of the bytes within this tab, for as long as they are shown. */
function useUrlOf(raw: RawBytes): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([raw.bytes], { type: raw.type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [raw]);
  return url;
}
