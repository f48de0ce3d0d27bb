/** The page: the frame around the views. */
import { type ComponentChildren, h, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { nodes } from './api/nodes.ts';
import { Dialog, useNow } from './parts/elements.ts';
import { ClusterView } from './views/cluster.ts';
import { HistoryView } from './views/history.ts';
import { KeysView } from './views/keys.ts';
import { LiveView } from './views/live.ts';
import { TimeView } from './views/time.ts';
import { WatchersView } from './views/watchers.ts';
import { span } from './words/formats.ts';
import { go, linkTo, route, VIEWS, type ViewName } from './words/route.ts';
import { useStore } from './words/store.ts';

const SHOWN: Readonly<Record<ViewName, () => ComponentChildren>> = {
  cluster: ClusterView,
  keys: KeysView,
  history: HistoryView,
  live: LiveView,
  time: TimeView,
  watchers: WatchersView,
};

function Page(): ComponentChildren {
  const { view } = useStore(route);
  const [helps, setHelps] = useState(false);
  useShortcuts(() => setHelps(true));
  useEffect(() => {
    const label = VIEWS.find(([name]) => name === view)?.[1] ?? '';
    document.title = `${label} · Hearsay`;
  }, [view]);
  return h('div', { class: 'frame' }, [
    h('a', { class: 'skip', href: '#main', onClick: skip }, 'To the content'),
    h('header', null, [
      h('a', { class: 'brand', href: linkTo('cluster') }, [
        h('img', { src: '/page/icon.svg', alt: '', width: 22, height: 22 }),
        'Hearsay',
      ]),
      h(
        'nav',
        { 'aria-label': 'Views' },
        VIEWS.map(([name, label]) =>
          h('a', { href: linkTo(name), ...(name === view && { 'aria-current': 'page' }) }, label),
        ),
      ),
      h('div', { class: 'tools' }, [
        h(NodeChoice, null),
        h('a', { href: '/docs' }, 'API'),
        h(
          'button',
          { type: 'button', onClick: () => setHelps(true), 'aria-label': 'Keys of the keyboard' },
          '?',
        ),
      ]),
    ]),
    h(Banner, null),
    h('main', { id: 'main', tabIndex: -1 }, h(SHOWN[view], { key: view })),
    h(TokenDialog, null),
    helps && h(Help, { onClose: () => setHelps(false) }),
  ]);
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** The node that is asked. */
function NodeChoice(): ComponentChildren {
  const known = useStore(nodes.known);
  const present = useStore(nodes.present);
  const hasToken = useStore(nodes.hasToken);
  const goesWithout = useStore(nodes.goesWithoutToken);
  const choose = (event: Event): void => {
    if (event.target instanceof HTMLSelectElement) nodes.choose(event.target.value);
  };
  return h('span', { class: 'choice' }, [
    h(
      'select',
      { 'aria-label': 'The node that is asked', value: present, onChange: choose },
      known.map((base) => h('option', { value: base, selected: base === present }, hostOf(base))),
    ),
    hasToken &&
      h(
        'button',
        {
          type: 'button',
          onClick: () => {
            nodes.setToken(null);
            location.reload();
          },
        },
        'Forget token',
      ),
    goesWithout &&
      h('button', { type: 'button', onClick: () => nodes.wantToken() }, 'Give a token'),
  ]);
}

const hostOf = (base: string): string => new URL(base).host;

/** Says when a node is gone, and at which one the page goes on. */
function Banner(): ComponentChildren {
  const move = useStore(nodes.lastMove);
  const isReached = useStore(nodes.isReached);
  const now = useNow();
  const told = !isReached
    ? h(
        'p',
        { class: 'banner bad' },
        'No node answers. The page asks on, and shows what it last knew.',
      )
    : move !== null &&
      h('p', { class: 'banner warn' }, [
        `${hostOf(move.from)} does not answer: this page goes on at ${hostOf(move.to)}. `,
        h('a', { href: `${move.to}/${location.hash}` }, `Open ${hostOf(move.to)}`),
        ' ',
        h('button', { type: 'button', onClick: () => nodes.lastMove.set(null) }, 'Close'),
        ' ',
        // It grows: it comes last, so that nothing moves, and a screen reader does not read all anew each second.
        h('span', { class: 'soft', 'aria-live': 'off' }, `Silent for ${span(now - move.atMs)}.`),
      ]);
  return h('div', { role: 'status' }, told);
}

function TokenDialog(): ComponentChildren {
  const wanted = useStore(nodes.tokenWanted);
  if (wanted === null) return null;
  const take = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    const token = String(new FormData(event.target).get('token') ?? '').trim();
    if (token === '') return;
    nodes.setToken(token);
    // Each view asks anew with it.
    location.reload();
  };
  return h(Dialog, { label: 'This node asks for a token', onClose: () => nodes.goWithoutToken() }, [
    wanted !== 'missing' && h('p', { class: 'problem', role: 'alert' }, wanted),
    h(
      'p',
      null,
      'A token that may do everything here has the scopes read, write, watch, metrics and log:',
    ),
    h(
      'pre',
      { tabIndex: 0 },
      'hearsay token create --file tokens.json \\\n  --id me --scopes read,write,watch,metrics,log',
    ),
    h('form', { onSubmit: take }, [
      h('label', null, [
        'Token ',
        h('input', {
          name: 'token',
          type: 'password',
          autocomplete: 'off',
          required: true,
          autofocus: true,
        }),
      ]),
      h('p', { class: 'hint' }, 'It is kept in this tab alone, until the tab is closed.'),
      h('div', { class: 'row' }, [
        h('button', { type: 'submit', class: 'main' }, 'Use it'),
        h('button', { type: 'button', onClick: () => nodes.goWithoutToken() }, 'Go on without'),
      ]),
    ]),
  ]);
}

const SHORTCUTS: readonly (readonly [key: string, effect: string])[] = [
  ['1 … 6', 'go to a view'],
  ['/', 'search'],
  ['↑ ↓ → ←', 'move in the tree of keys, open and close folders'],
  ['Enter', 'open a key'],
  ['Delete', 'count the keys of a folder, and delete them if you say so'],
  ['Space', 'in Live: pause or go on'],
  ['?', 'this list'],
  ['Escape', 'close a dialog'],
];

function Help({ onClose }: { readonly onClose: () => void }): ComponentChildren {
  return h(Dialog, { label: 'Keys of the keyboard', onClose }, [
    h(
      'dl',
      { class: 'pairs' },
      SHORTCUTS.map(([key, effect]) => [h('dt', null, h('kbd', null, key)), h('dd', null, effect)]),
    ),
    h('form', { method: 'dialog' }, h('button', { class: 'main', onClick: onClose }, 'Close')),
  ]);
}

function useShortcuts(help: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const { target } = event;
      const isTyping =
        target instanceof HTMLInputElement ||
        target instanceof HTMLTextAreaElement ||
        target instanceof HTMLSelectElement;
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector('dialog[open]') !== null) return;
      const view = VIEWS[Number(event.key) - 1];
      if (view !== undefined) go(view[0]);
      else if (event.key === '?') help();
      else if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[type=search]');
        if (search === null) return;
        search.focus();
      } else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}

const place = document.getElementById('page');
if (place !== null) render(h(Page, null), place);
