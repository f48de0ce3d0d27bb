/** The tail of the log: every op as it comes, narrowed by what a person looks for. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Head } from '../../log/tools/logSource.ts';
import { LAST_VERSION } from '../../words/op.ts';
import { nodes } from '../api/nodes.ts';
import { Tail } from '../api/tail.ts';
import { Badge, CopyLine, Time, useNow } from '../parts/elements.ts';
import { count, size } from '../words/formats.ts';
import { linkTo } from '../words/route.ts';

/** Rows that are kept and shown: the page must not grow in a day. */
const MOST_ROWS = 300;
/** The list is drawn at most this often, in milliseconds. */
const DRAW_MS = 250;
const COLUMNS: readonly (readonly [label: string, isNumber: boolean])[] = [
  ['When', false],
  ['Kind', false],
  ['Key', false],
  ['Version', true],
  ['Op', false],
  ['Here', false],
  ['Size', true],
];
const KINDS = ['put', 'delete', 'join', 'retire'] as const;

interface Filter {
  readonly prefix: string;
  readonly kind: string;
  readonly origin: string;
}

const passes = ({ prefix, kind, origin }: Filter, head: Head): boolean =>
  head.key.startsWith(prefix) &&
  (kind === '' || head.kind === kind) &&
  (origin === '' || head.origin === origin);

export function LiveView(): ComponentChildren {
  const [filter, setFilter] = useState<Filter>({ prefix: '', kind: '', origin: '' });
  const [isPaused, setPaused] = useState(false);
  const [, draw] = useState(0);
  const kept = useRef<{ rows: Head[]; origins: Set<string>; seen: number }>({
    rows: [],
    origins: new Set(),
    seen: 0,
  });
  const wanted = useRef(filter);
  wanted.current = filter;
  const tail = useRef<Tail | null>(null);
  const now = useNow();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const made = new Tail((rows) => {
      const { current } = kept;
      for (const row of rows) {
        current.seen++;
        current.origins.add(row.origin);
        if (passes(wanted.current, row)) current.rows.push(row);
      }
      current.rows.splice(0, current.rows.length - MOST_ROWS);
      timer ??= setTimeout(() => {
        timer = undefined;
        draw((before) => before + 1);
      }, DRAW_MS);
    });
    tail.current = made;
    made.start();
    return () => {
      made.pause();
      clearTimeout(timer);
    };
  }, []);
  const toggle = (): void => {
    if (isPaused) tail.current?.start();
    else tail.current?.pause();
    setPaused(!isPaused);
  };
  const latest = useRef(toggle);
  latest.current = toggle;
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (
        event.key !== ' ' ||
        (event.target !== document.body &&
          !(event.target instanceof HTMLElement && event.target.id === 'main'))
      )
        return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
  const narrow = (change: Partial<Filter>): void => {
    const next = { ...filter, ...change };
    setFilter(next);
    kept.current.rows = kept.current.rows.filter((row) => passes(next, row));
  };
  const { rows, origins, seen } = kept.current;
  return [
    h('h1', null, [
      'Live ',
      isPaused
        ? h(Badge, { mood: 'warn', children: 'paused' })
        : h(Badge, { mood: 'good', children: 'follows the log' }),
    ]),
    h('div', { class: 'bar' }, [
      h('input', {
        type: 'search',
        'aria-label': 'Keys that begin with',
        placeholder: 'Keys that begin with …',
        spellcheck: false,
        value: filter.prefix,
        onInput: ({ target }: Event) => {
          if (target instanceof HTMLInputElement) narrow({ prefix: target.value });
        },
      }),
      choice('Kind', filter.kind, KINDS, (kind) => narrow({ kind })),
      choice('Origin', filter.origin, [...origins].sort(), (origin) => narrow({ origin })),
      h(
        'button',
        { type: 'button', class: 'main', 'aria-pressed': isPaused, onClick: toggle },
        isPaused ? 'Go on' : 'Pause',
      ),
    ]),
    h('section', { class: 'card tail' }, [
      h(
        'p',
        { class: 'hint' },
        `${count(seen)} ops since this view was opened; the last ${MOST_ROWS} that pass are kept. A pause leaves nothing out.`,
      ),
      rows.length === 0
        ? h('div', { class: 'empty' }, [
            h('p', null, 'Nothing has come that passes. Write something:'),
            h(CopyLine, {
              text: `curl -X PUT ${nodes.present.value}/cache/hello -H 'Content-Type: application/json' -d '{"value":"world","version":"next"}'`,
            }),
          ])
        : h(
            'div',
            { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Ops, the newest first' },
            h('table', null, [
              h(
                'thead',
                null,
                h(
                  'tr',
                  null,
                  COLUMNS.map(([label, isNumber]) =>
                    h('th', { scope: 'col', ...(isNumber && { class: 'number' }) }, label),
                  ),
                ),
              ),
              h(
                'tbody',
                null,
                [...rows]
                  .reverse()
                  .map((row) =>
                    h('tr', { key: `${row.origin}/${row.seq}` }, [
                      h('td', null, h(Time, { at: row.committedAt, now })),
                      h('td', null, row.kind),
                      h(
                        'td',
                        { class: 'key' },
                        isOnKey(row)
                          ? h('a', { href: linkTo('history', { key: row.key }) }, row.key)
                          : row.key,
                      ),
                      h('td', { class: 'number' }, versionText(row)),
                      h('td', { class: 'mono' }, `${row.origin}/${row.seq}`),
                      h('td', null, isOnKey(row) ? (row.won ? 'won' : 'lost') : ''),
                      h('td', { class: 'number' }, size(row.textBytes)),
                    ]),
                  ),
              ),
            ]),
          ),
    ]),
  ];
}

const isOnKey = ({ kind }: Head): boolean => kind === 'put' || kind === 'delete';

/** A member has no version. */
const versionText = (head: Head): string =>
  head.version === LAST_VERSION ? 'last' : isOnKey(head) ? count(head.version) : '';

const choice = (
  label: string,
  value: string,
  options: readonly string[],
  choose: (value: string) => void,
): ComponentChildren =>
  h('label', null, [
    label,
    h(
      'select',
      {
        value,
        onChange: ({ target }: Event) => {
          if (target instanceof HTMLSelectElement) choose(target.value);
        },
      },
      [
        h('option', { value: '', selected: value === '' }, 'all'),
        ...options.map((option) =>
          h('option', { value: option, selected: option === value }, option),
        ),
      ],
    ),
  ]);
