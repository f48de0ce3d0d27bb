/** Writes a key: as JSON or as the bytes of a file, and only over the entry that the person has seen. */
import { type ComponentChildren, h } from 'preact';
import { useState } from 'preact/hooks';
import { RAW_MARK } from '../../words/rawValue.ts';
import { type Draft, type Entry, readEntry, writeEntry } from '../api/entries.ts';
import { AskError } from '../api/nodes.ts';
import { errorText } from '../parts/elements.ts';
import { Diff } from '../parts/value.ts';
import { count, size } from '../words/formats.ts';
import { laidOut } from '../words/jsonText.ts';
import {
  comparedText,
  type RawBytes,
  rawBytesOf,
  rawText,
  UNKNOWN_TYPE,
} from '../words/rawBytes.ts';

interface EditorProps {
  /** Null: a new key. */
  readonly entry: Entry | null;
  readonly prefix?: string;
  readonly onDone: (key: string | null) => void;
}

export function Editor({ entry, prefix = '', onDone }: EditorProps): ComponentChildren {
  const [key, setKey] = useState(entry?.key ?? prefix);
  const [present] = useState(() => entry && rawBytesOf(entry.value, entry.meta));
  const [isFile, setFile] = useState(present !== null);
  const [value, setValue] = useState(() =>
    entry === null || present !== null ? '{}' : laidOut(entry.value),
  );
  const [bytes, setBytes] = useState<RawBytes | null>(null);
  const [ttl, setTtl] = useState(() => ttlText(entry));
  const [over, setOver] = useState(entry);
  const [theirs, setTheirs] = useState<Entry | null | undefined>(undefined);
  const [error, setError] = useState<string | null>(null);
  const drafted = (): Draft['value'] | string => {
    if (isFile) return bytes ?? present ?? 'Choose a file: its bytes are the value.';
    const fault = faultOfJson(value);
    if (fault !== null) return fault;
    const isSameText = entry !== null && present === null && laidOut(entry.value) === value;
    return {
      text: value,
      meta: isSameText || hasShape(entry, value) ? (entry?.meta ?? null) : null,
    };
  };
  const save = async (base: Entry | null): Promise<void> => {
    const draft = drafted();
    const fault = faultIn(key, ttl) ?? (typeof draft === 'string' ? draft : null);
    setError(fault);
    if (fault !== null || typeof draft === 'string') return;
    const ttlMs = ttl.trim() === '' ? null : Math.round(Number(ttl) * 1000);
    try {
      await writeEntry({ key, value: draft, ttlMs }, base);
      onDone(key);
    } catch (failure) {
      if (failure instanceof AskError && (failure.status === 412 || failure.status === 409))
        setTheirs(await readEntry(key).catch(() => null));
      else setError(errorText(failure));
    }
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    void save(over);
  };
  return h(
    'form',
    { onSubmit: submit, 'aria-label': entry === null ? 'New key' : `Edit ${entry.key}` },
    [
      h('h2', { class: entry === null ? '' : 'mono' }, entry === null ? 'New key' : entry.key),
      entry === null &&
        h('label', { class: 'wide' }, [
          'Key',
          h('input', {
            value: key,
            required: true,
            style: { width: '100%' },
            onInput: textTo(setKey),
          }),
        ]),
      h('label', null, [
        'The value is',
        h(
          'select',
          {
            value: isFile ? 'file' : 'json',
            onChange: ({ target }: Event) => {
              if (target instanceof HTMLSelectElement) setFile(target.value === 'file');
            },
          },
          [
            h('option', { value: 'json', selected: !isFile }, 'JSON'),
            h('option', { value: 'file', selected: isFile }, 'the bytes of a file'),
          ],
        ),
      ]),
      isFile
        ? h(FileChoice, { bytes, present, onBytes: setBytes, onFault: setError })
        : h('label', { class: 'wide' }, [
            'Value, as JSON',
            h('textarea', { value, spellcheck: false, onInput: textTo(setValue) }),
          ]),
      h('label', null, [
        'Seconds to live',
        h('input', {
          value: ttl,
          inputMode: 'decimal',
          size: 10,
          placeholder: 'no end',
          onInput: textTo(setTtl),
        }),
      ]),
      error !== null && h('p', { class: 'problem', role: 'alert' }, error),
      theirs === undefined
        ? h('div', { class: 'row', style: { marginTop: '0.75rem' } }, [
            h('button', { type: 'submit', class: 'main' }, 'Save'),
            h('button', { type: 'button', onClick: () => onDone(null) }, 'Cancel'),
          ])
        : h(Conflict, {
            theirs,
            mine: textOf(drafted()),
            onTheirs: () => onDone(null),
            onMine: () => {
              setOver(theirs);
              setTheirs(undefined);
              void save(theirs);
            },
          }),
    ],
  );
}

interface FileChoiceProps {
  readonly bytes: RawBytes | null;
  /** The bytes that are the value now. */
  readonly present: RawBytes | null;
  readonly onBytes: (bytes: RawBytes) => void;
  readonly onFault: (fault: string) => void;
}

/** A file is read when it is chosen: what is written is what its size tells. */
function FileChoice({ bytes, present, onBytes, onFault }: FileChoiceProps): ComponentChildren {
  const choose = ({ target }: Event): void => {
    const file = target instanceof HTMLInputElement ? target.files?.item(0) : null;
    file?.arrayBuffer().then(
      (buffer) => onBytes({ bytes: new Uint8Array(buffer), type: file.type || UNKNOWN_TYPE }),
      () => onFault(`${file.name} can not be read: choose it again.`),
    );
  };
  const type = ({ target }: Event): void => {
    const chosen = bytes ?? present;
    if (target instanceof HTMLInputElement && chosen !== null)
      onBytes({ ...chosen, type: target.value.trim() });
  };
  const shown = bytes ?? present;
  return h('div', null, [
    h('label', { class: 'wide' }, ['File', h('input', { type: 'file', onChange: choose })]),
    shown !== null && [
      h('label', null, [
        'Media type',
        h('input', { value: shown.type, required: true, spellcheck: false, onInput: type }),
      ]),
      h(
        'p',
        { class: 'hint', role: 'status' },
        bytes === null || bytes.bytes === present?.bytes
          ? `The value stays the ${size(shown.bytes.length)} that it is.`
          : `${size(shown.bytes.length)} are written.`,
      ),
    ],
  ]);
}

interface ConflictProps {
  /** Null: the key was deleted, or has expired. */
  readonly theirs: Entry | null;
  /** Lines, as `comparedText` makes them. */
  readonly mine: string;
  readonly onTheirs: () => void;
  readonly onMine: () => void;
}

/** Somebody else was quicker: both are shown, and the person decides. */
function Conflict({ theirs, mine, onTheirs, onMine }: ConflictProps): ComponentChildren {
  return h('div', { role: 'alert', class: 'conflict' }, [
    h(
      'p',
      { class: 'problem' },
      theirs === null
        ? 'Meanwhile the key was deleted or has expired.'
        : `Meanwhile somebody wrote version ${count(theirs.version)}. Nothing of yours was written yet.`,
    ),
    theirs !== null && h('p', null, 'From theirs (−) to yours (+):'),
    theirs !== null && h(Diff, { before: comparedText(theirs.value, theirs.meta), after: mine }),
    h('div', { class: 'row' }, [
      h('button', { type: 'button', onClick: onTheirs }, 'Keep theirs'),
      h('button', { type: 'button', class: 'danger', onClick: onMine }, 'Write mine over it'),
    ]),
  ]);
}

const textTo =
  (set: (text: string) => void) =>
  ({ target }: Event): void => {
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement)
      set(target.value);
  };

const ttlText = (entry: Entry | null): string =>
  entry?.expiresAt == null
    ? ''
    : String(Math.max(1, Math.round((entry.expiresAt - Date.now()) / 1000)));

function faultIn(key: string, ttl: string): string | null {
  if (key === '') return 'The key is empty: give it a name.';
  if (ttl.trim() !== '' && !(Number(ttl) > 0))
    return 'The seconds to live are a number above 0, or nothing.';
  return null;
}

function faultOfJson(value: string): string | null {
  try {
    JSON.parse(value);
    return null;
  } catch (error) {
    return `The value is not JSON (${errorText(error)}). A text stands in double quotes.`;
  }
}

/** The draft as lines, or the fault in its place. */
function textOf(draft: Draft['value'] | string): string {
  if (typeof draft === 'string') return draft;
  return 'bytes' in draft ? comparedText(rawText(draft), RAW_MARK) : laidOut(draft.text);
}

/** Annotations name paths, so they go on only with a value that still has them all. */
function hasShape(entry: Entry | null, value: string): boolean {
  if (entry === null || entry.meta === null || entry.meta === RAW_MARK) return false;
  const shape = (text: string): string =>
    JSON.stringify(JSON.parse(text), (_, part) => (typeof part === 'object' ? part : typeof part));
  return shape(entry.value) === shape(value);
}
