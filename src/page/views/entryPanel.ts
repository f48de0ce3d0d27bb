/** One entry: first to read; to edit only when asked. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { deleteEntry, type Entry, readEntry } from '../api/entries.ts';
import { Dialog, Problem, Time, useNow, useRetry } from '../parts/elements.ts';
import { bytesOf, kindText, Value } from '../parts/value.ts';
import { count, size, span } from '../words/formats.ts';
import { linkTo } from '../words/route.ts';
import { Editor } from './editor.ts';

interface PanelProps {
  readonly entryKey: string;
  /** Changes when the key has changed at the node. */
  readonly changes: number;
  readonly onGone: () => void;
}

export function EntryPanel({ entryKey, changes, onGone }: PanelProps): ComponentChildren {
  const [entry, setEntry] = useState<Entry | null | undefined>(undefined);
  const [error, setError] = useState<unknown>(null);
  /** Why the delete failed: it stays, while a read is tried again. */
  const [notDeleted, setNotDeleted] = useState<unknown>(null);
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
  useRetry(error, load);
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
    setNotDeleted(null);
    deleteEntry(entry).then(onGone, setNotDeleted);
  };
  return [
    h('h2', { class: 'mono' }, entry.key),
    h('dl', { class: 'pairs' }, [
      h('dt', null, 'Version'),
      h('dd', null, count(entry.version)),
      h('dt', null, 'Type'),
      h('dd', null, kindText(entry.value, entry.meta)),
      h('dt', null, 'Size'),
      h('dd', null, size(bytesOf(entry.value, entry.meta))),
      h('dt', null, 'Time left'),
      h(
        'dd',
        null,
        entry.expiresAt === null
          ? 'no end'
          : [span(entry.expiresAt - now), ', until ', h(Time, { at: entry.expiresAt, now })],
      ),
    ]),
    h(Value, { name: entry.key, text: entry.value, meta: entry.meta }),
    h('div', { class: 'row' }, [
      h('button', { type: 'button', class: 'main', onClick: () => setEditing(true) }, 'Edit'),
      h('a', { href: linkTo('history', { key: entry.key }) }, 'History'),
      h('button', { type: 'button', class: 'danger', onClick: () => setAsking(true) }, 'Delete'),
    ]),
    notDeleted !== null && h(Problem, { error: notDeleted }),
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
