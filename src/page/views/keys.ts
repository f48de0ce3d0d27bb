/** The keys as a tree, and the one that is open beside it. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { readLevel } from '../api/entries.ts';
import { nodes } from '../api/nodes.ts';
import { watchKeys } from '../api/watch.ts';
import { CopyLine, Problem, TimeLeft, useRetry } from '../parts/elements.ts';
import { count } from '../words/formats.ts';
import {
  type Branches,
  branchOf,
  longer,
  MOST_ROWS,
  nameOf,
  type Row,
  rowsOf,
} from '../words/keyTree.ts';
import { go, route } from '../words/route.ts';
import { useStore } from '../words/store.ts';
import { DeleteFolder } from './deleteFolder.ts';
import { Editor } from './editor.ts';
import { EntryPanel } from './entryPanel.ts';

const PAGE = 100;
/** The levels are read again at most this often, in milliseconds, however many keys change. */
const REFRESH_MS = 2000;
const TYPING_MS = 250;
const SEPARATORS = ['/', ':', '.', '-', ''] as const;

export function KeysView(): ComponentChildren {
  const { parameters } = useStore(route);
  const prefix = parameters.get('prefix') ?? '';
  const separator = parameters.get('separator') ?? '/';
  const key = parameters.get('key');
  const [changes, setChanges] = useState(0);
  const [isNew, setNew] = useState(false);
  const show = (next: { prefix?: string; separator?: string; key?: string | null }): void => {
    const shown = { prefix, separator, key, ...next };
    go('keys', {
      ...(shown.prefix !== '' && { prefix: shown.prefix }),
      ...(shown.separator !== '/' && { separator: shown.separator }),
      ...(shown.key !== null && { key: shown.key }),
    });
  };
  return [
    h('h1', null, 'Keys'),
    h(Bar, { prefix, separator, show, onNew: () => setNew(true) }),
    h('div', { class: 'panes' }, [
      h(Tree, {
        key: `${separator} ${prefix}`,
        prefix,
        separator,
        selected: key,
        onOpen: (opened: string) => {
          setNew(false);
          show({ key: opened });
        },
        onChange: (changed: string) => {
          if (key === null || changed === key || key.startsWith(changed))
            setChanges((before) => before + 1);
        },
        onNew: () => setNew(true),
      }),
      h(
        'section',
        { class: 'card', 'aria-label': 'Entry' },
        isNew
          ? h(Editor, {
              entry: null,
              prefix,
              onDone: (made: string | null) => {
                setNew(false);
                if (made !== null) show({ key: made });
              },
            })
          : key === null
            ? h(
                'p',
                { class: 'hint' },
                'Open a key to see its value, its time left and its history.',
              )
            : h(EntryPanel, {
                key,
                entryKey: key,
                changes,
                onGone: () => setChanges((before) => before + 1),
              }),
      ),
    ]),
  ];
}

interface BarProps {
  readonly prefix: string;
  readonly separator: string;
  readonly show: (next: { prefix?: string; separator?: string; key?: string | null }) => void;
  readonly onNew: () => void;
}

function Bar({ prefix, separator, show, onNew }: BarProps): ComponentChildren {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const type = ({ target }: Event): void => {
    if (!(target instanceof HTMLInputElement)) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => show({ prefix: target.value }), TYPING_MS);
  };
  const choose = ({ target }: Event): void => {
    if (target instanceof HTMLSelectElement) show({ separator: target.value });
  };
  return h('div', { class: 'bar', role: 'search' }, [
    h('input', {
      type: 'search',
      value: prefix,
      placeholder: 'Keys that begin with …',
      'aria-label': 'Keys that begin with',
      spellcheck: false,
      onInput: type,
    }),
    h('label', null, [
      'Folders at',
      h(
        'select',
        { onChange: choose, value: separator },
        SEPARATORS.map((sign) =>
          h(
            'option',
            { value: sign, selected: sign === separator },
            sign === '' ? 'nothing' : sign,
          ),
        ),
      ),
    ]),
    h('button', { type: 'button', onClick: onNew }, 'New key'),
  ]);
}

interface TreeProps {
  readonly prefix: string;
  readonly separator: string;
  readonly selected: string | null;
  readonly onOpen: (key: string) => void;
  readonly onChange: (key: string) => void;
  readonly onNew: () => void;
}

function Tree({
  prefix,
  separator,
  selected,
  onOpen,
  onChange,
  onNew,
}: TreeProps): ComponentChildren {
  const [branches, setBranches] = useState<Branches>(new Map());
  const [error, setError] = useState<unknown>(null);
  /** The row that the keyboard is at; null until a person has come to one. */
  const [place, setPlace] = useState<number | null>(null);
  const [folder, setFolder] = useState<string | null>(null);
  const open = useRef(branches);
  const list = useRef<HTMLUListElement>(null);
  const told = useRef(onChange);
  open.current = branches;
  told.current = onChange;

  const load = async (level: string): Promise<void> => {
    try {
      const branch = branchOf(await readLevel(level, separator, null, PAGE));
      setBranches((before) => new Map(before).set(level, branch));
      setError(null);
    } catch (fault) {
      setError(fault);
    }
  };
  const loadMore = async (level: string): Promise<void> => {
    const branch = open.current.get(level);
    if (branch === undefined || branch.next === null) return;
    try {
      const page = await readLevel(level, separator, branch.next, PAGE);
      setBranches((before) => new Map(before).set(level, longer(branch, page)));
    } catch (fault) {
      setError(fault);
    }
  };
  /** Only first pages: what was read further down stays as it was read. */
  const refresh = async (): Promise<void> => {
    if (!open.current.has(prefix)) await load(prefix);
    for (const [level, { entries, prefixes }] of open.current)
      if (entries.length + prefixes.length <= PAGE) await load(level);
  };
  useEffect(() => {
    void load(prefix);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = watchKeys(prefix, (changed) => {
      told.current(changed);
      timer ??= setTimeout(() => {
        timer = undefined;
        if (!document.hidden) void refresh();
      }, REFRESH_MS);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [prefix, separator]);

  useRetry(error, () => void refresh());

  const rows = rowsOf(branches, prefix);
  const at = Math.min(place ?? 0, Math.max(0, rows.length - 1));
  const chosen = place === null ? undefined : rows[at];
  const close = (level: string): void =>
    setBranches((before) => new Map([...before].filter(([one]) => !one.startsWith(level))));
  const act = (row: Row): void => {
    if (row.kind === 'key') onOpen(row.entry.key);
    else if (row.kind === 'more') void loadMore(row.parent);
    else if (row.isOpen) close(row.prefix);
    else void load(row.prefix);
  };
  const press = (event: KeyboardEvent): void => {
    const row = rows[at];
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: rows.length - 1,
    };
    const next = moves[event.key];
    if (next !== undefined) {
      const bounded = Math.max(0, Math.min(rows.length - 1, next));
      setPlace(bounded);
      list.current?.children[bounded]?.scrollIntoView({ block: 'nearest' });
    } else if (row === undefined) return;
    else if (event.key === 'Enter' || event.key === ' ') act(row);
    else if (event.key === 'ArrowRight' && row.kind === 'folder' && !row.isOpen) act(row);
    else if (event.key === 'ArrowLeft' && row.kind === 'folder' && row.isOpen) act(row);
    else if (event.key === 'Delete' && row.kind === 'folder') setFolder(row.prefix);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const isRead = branches.has(prefix);
  return h('section', { class: 'card', 'aria-label': 'Tree of keys' }, [
    error !== null && h(Problem, { error }),
    !isRead && error === null && h('p', { role: 'status' }, 'Reading …'),
    isRead && rows.length === 0 && h(Nothing, { prefix, onNew }),
    rows.length > 0 &&
      h(
        'ul',
        {
          class: 'tree',
          role: 'tree',
          ref: list,
          tabIndex: 0,
          'aria-label': 'Keys',
          'aria-activedescendant': `row-${at}`,
          onFocus: () => setPlace((before) => before ?? 0),
          onKeyDown: press,
        },
        rows.map((row, index) => {
          const isSelected = row.kind === 'key' && row.entry.key === selected;
          return h(
            'li',
            {
              key:
                row.kind === 'key'
                  ? `k${row.entry.key}`
                  : `${row.kind}${row.kind === 'folder' ? row.prefix : row.parent}`,
              id: `row-${index}`,
              role: 'treeitem',
              'aria-level': row.depth,
              'aria-selected': isSelected,
              ...(row.kind === 'folder' && { 'aria-expanded': row.isOpen }),
              ...(index === at && place !== null && { class: 'at' }),
              style: { paddingLeft: `${(row.depth - 1) * 1.1 + 0.4}rem` },
              onClick: () => {
                setPlace(index);
                act(row);
              },
            },
            [
              h(
                'span',
                { class: 'sign', 'aria-hidden': 'true' },
                row.kind === 'folder' ? (row.isOpen ? '▾' : '▸') : row.kind === 'more' ? '↓' : '',
              ),
              h(
                'span',
                null,
                row.kind === 'folder'
                  ? row.prefix.slice(parentLength(rows, index, prefix))
                  : nameOf(row),
              ),
              row.kind === 'key' &&
                row.entry.expires_at !== null &&
                h(
                  'span',
                  { class: 'left' },
                  h(TimeLeft, { until: Date.parse(row.entry.expires_at) }),
                ),
            ],
          );
        }),
      ),
    rows.length >= MOST_ROWS &&
      h(
        'p',
        { class: 'hint', role: 'status' },
        `${count(MOST_ROWS)} rows are shown: type more of a key above to come to others.`,
      ),
    chosen?.kind === 'folder' &&
      h(
        'div',
        { class: 'row', style: { marginTop: '0.5rem' } },
        h(
          'button',
          { type: 'button', class: 'danger', onClick: () => setFolder(chosen.prefix) },
          `Delete folder ${chosen.prefix}`,
        ),
      ),
    folder !== null &&
      h(DeleteFolder, {
        prefix: folder,
        onClose: () => {
          setFolder(null);
          void refresh();
        },
      }),
  ]);
}

/** How much of a folder's prefix its parents show already. */
function parentLength(rows: readonly Row[], index: number, root: string): number {
  const depth = rows[index]?.depth ?? 1;
  for (let at = index - 1; at >= 0; at--) {
    const row = rows[at];
    if (row?.kind === 'folder' && row.depth === depth - 1) return row.prefix.length;
  }
  return root.length;
}

function Nothing({
  prefix,
  onNew,
}: {
  readonly prefix: string;
  readonly onNew: () => void;
}): ComponentChildren {
  const base = useStore(nodes.present);
  if (prefix !== '') return h('p', { class: 'empty' }, `No key begins with ${prefix}`);
  return h('div', { class: 'empty' }, [
    h('p', null, 'The cache is empty. Put the first key:'),
    h(CopyLine, {
      text: `curl -X PUT ${base}/cache/user%2F1 -H 'Content-Type: application/json' -d '{"value":{"name":"Ada"},"version":1,"ttl_ms":600000}'`,
    }),
    h('p', null, [
      'A slash in a key is written %2F there; it makes a folder here. Or ',
      h('button', { type: 'button', onClick: onNew }, 'write one here'),
      '.',
    ]),
  ]);
}
