/** One entry: first to read; to edit only when asked, and written only over what was read. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { deleteEntry, type Entry, readEntry, writeEntry } from '../api/entries.ts';
import { AskError } from '../api/nodes.ts';
import { Dialog, errorText, Problem, Time, useNow } from '../parts/elements.ts';
import { bytesOf, Diff, kindText, Value } from '../parts/value.ts';
import { count, size, span } from '../words/formats.ts';
import { laidOut } from '../words/jsonText.ts';
import { linkTo } from '../words/route.ts';

interface PanelProps {
  readonly entryKey: string;
  /** Changes when the key has changed at the node. */
  readonly changes: number;
  readonly onGone: () => void;
}

export function EntryPanel({ entryKey, changes, onGone }: PanelProps): ComponentChildren {
  const [entry, setEntry] = useState<Entry | null | undefined>(undefined);
  const [error, setError] = useState<unknown>(null);
  const [isEditing, setEditing] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const now = useNow();
  const hasExpired = entry?.expiresAt != null && entry.expiresAt <= now;
  const load = (): void => {
    readEntry(entryKey).then(
      (read) => {
        setEntry(read);
        setError(null);
      },
      (fault) => setError(fault),
    );
  };
  // While a person edits, the entry that was read stays: the write is held against it.
  useEffect(() => {
    if (!isEditing) load();
  }, [entryKey, changes, hasExpired, isEditing]);
  useEffect(() => setEditing(false), [entryKey]);
  if (error !== null) return h(Problem, { error });
  if (entry === undefined) return h('p', { role: 'status' }, 'Reading …');
  if (entry === null || hasExpired)
    return [
      h('h2', { class: 'mono' }, entryKey),
      h('p', null, entry === null ? 'There is no such key.' : 'It has expired.'),
      h('a', { href: linkTo('history', { key: entryKey }) }, 'Its history'),
    ];
  if (isEditing) return h(Editor, { entry, onDone: () => setEditing(false) });
  const remove = (): void => {
    setAsking(false);
    deleteEntry(entry).then(onGone, setError);
  };
  return [
    h('h2', { class: 'mono' }, entry.key),
    h('dl', { class: 'pairs' }, [
      h('dt', null, 'Version'),
      h('dd', null, count(entry.version)),
      h('dt', null, 'Type'),
      h('dd', null, kindText(entry.value, entry.meta)),
      h('dt', null, 'Size'),
      h('dd', null, size(bytesOf(entry.value))),
      h('dt', null, 'Time left'),
      h(
        'dd',
        null,
        entry.expiresAt === null
          ? 'no end'
          : [span(entry.expiresAt - now), ', until ', h(Time, { at: entry.expiresAt, now })],
      ),
    ]),
    h(Value, { text: entry.value, meta: entry.meta }),
    h('div', { class: 'row' }, [
      h('button', { type: 'button', class: 'main', onClick: () => setEditing(true) }, 'Edit'),
      h('a', { href: linkTo('history', { key: entry.key }) }, 'History'),
      h('button', { type: 'button', class: 'danger', onClick: () => setAsking(true) }, 'Delete'),
    ]),
    isAsking &&
      h(Dialog, { label: 'Delete this key?', onClose: () => setAsking(false) }, [
        h('p', { class: 'mono' }, entry.key),
        h('p', null, 'It is deleted on every node, if it is still the entry that you see.'),
        h('div', { class: 'row' }, [
          h('button', { type: 'button', class: 'danger', onClick: remove }, 'Delete'),
          h('button', { type: 'button', onClick: () => setAsking(false) }, 'Keep'),
        ]),
      ]),
  ];
}

interface EditorProps {
  /** Null: a new key. */
  readonly entry: Entry | null;
  readonly prefix?: string;
  readonly onDone: (key: string | null) => void;
}

export function Editor({ entry, prefix = '', onDone }: EditorProps): ComponentChildren {
  const [key, setKey] = useState(entry?.key ?? prefix);
  const [value, setValue] = useState(entry === null ? '{}' : laidOut(entry.value));
  const [ttl, setTtl] = useState(() => ttlText(entry));
  const [over, setOver] = useState(entry);
  const [theirs, setTheirs] = useState<Entry | null | undefined>(undefined);
  const [error, setError] = useState<string | null>(null);
  const save = async (base: Entry | null): Promise<void> => {
    const fault = faultIn(key, value, ttl);
    setError(fault);
    if (fault !== null) return;
    const ttlMs = ttl.trim() === '' ? null : Math.round(Number(ttl) * 1000);
    const isSameText = entry !== null && laidOut(entry.value) === value;
    const draft = {
      key,
      value,
      ttlMs,
      meta: isSameText || hasShape(entry, value) ? (entry?.meta ?? null) : null,
    };
    try {
      await writeEntry(draft, base);
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
      h('label', { class: 'wide' }, [
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
            mine: value,
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

interface ConflictProps {
  /** Null: the key was deleted, or has expired. */
  readonly theirs: Entry | null;
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
    theirs !== null && h(Diff, { before: theirs.value, after: mine }),
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

function faultIn(key: string, value: string, ttl: string): string | null {
  if (key === '') return 'The key is empty: give it a name.';
  try {
    JSON.parse(value);
  } catch (error) {
    return `The value is not JSON (${errorText(error)}). A text stands in double quotes.`;
  }
  if (ttl.trim() !== '' && !(Number(ttl) > 0))
    return 'The seconds to live are a number above 0, or nothing.';
  return null;
}

/** Annotations name paths, so they go on only with a value that still has them all. */
function hasShape(entry: Entry | null, value: string): boolean {
  if (entry === null || entry.meta === null) return false;
  const shape = (text: string): string =>
    JSON.stringify(JSON.parse(text), (_, part) => (typeof part === 'object' ? part : typeof part));
  return shape(entry.value) === shape(value);
}
