/** Who watches, at which node, and how far behind. */
import { type ComponentChildren, h } from 'preact';
import type { Figures, Watchers } from '../api/answers.ts';
import { nodes } from '../api/nodes.ts';
import { Badge, CopyLine, errorText, Problem, useNow, usePolled } from '../parts/elements.ts';
import { count, size, span, things } from '../words/formats.ts';

const POLL_MS = 2000;
const SHOWN = 200;

interface OfNode {
  readonly base: string;
  readonly watchers: Watchers | null;
  readonly figures: Figures | null;
  readonly fault: string | null;
}

async function ofNode(base: string): Promise<OfNode> {
  try {
    const [watchers, figures] = await Promise.all([
      nodes.readJsonAt<Watchers>(base, `/_watchers?limit=${SHOWN}`),
      nodes.readJsonAt<Figures>(base, '/_figures'),
    ]);
    return { base, watchers, figures, fault: null };
  } catch (error) {
    return { base, watchers: null, figures: null, fault: errorText(error) };
  }
}

async function ask(): Promise<readonly OfNode[]> {
  await nodes.readCluster();
  const all = await Promise.all(nodes.known.value.map(ofNode));
  // Behind a load balancer one node may have answered twice.
  const isFirst = ({ figures }: OfNode, index: number): boolean =>
    figures === null || all.findIndex((other) => other.figures?.node === figures.node) === index;
  return all.filter(isFirst);
}

export function WatchersView(): ComponentChildren {
  const { data, error } = usePolled(ask, POLL_MS, []);
  const now = useNow();
  if (data === null)
    return error === null
      ? h('p', { role: 'status' }, 'Asking the nodes …')
      : h(Problem, { error });
  const rows = data.flatMap(({ watchers }) =>
    (watchers?.watchers ?? []).map((watcher) => ({ node: watchers?.node ?? '', ...watcher })),
  );
  const total = data.reduce((sum, { watchers }) => sum + (watchers?.count ?? 0), 0);
  return [
    h('h1', null, `Watchers and clients: ${things(total, 'watcher')}`),
    h('section', { class: 'card' }, [
      h('h2', null, 'Clients'),
      h(
        'div',
        { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Clients by node' },
        h('table', null, [
          head('Node', '#Connections', '#Watchers', '#Live keys'),
          h(
            'tbody',
            null,
            data.map(({ base, watchers, figures, fault }) =>
              h('tr', null, [
                h('th', { scope: 'row' }, figures?.node ?? new URL(base).host),
                ...(figures === null || watchers === null
                  ? [h('td', { colSpan: 3 }, fault)]
                  : [figures.connections, watchers.count, figures.entries.live].map((number) =>
                      h('td', { class: 'number' }, count(number)),
                    )),
              ]),
            ),
          ),
        ]),
      ),
    ]),
    h('section', { class: 'card', style: { marginTop: '1rem' } }, [
      h('h2', null, 'Watchers'),
      rows.length === 0
        ? h('div', { class: 'empty' }, [
            h(
              'p',
              null,
              'Nobody watches. A watch tells each change of the keys with a prefix as it happens, and goes on at another node where it was:',
            ),
            h(CopyLine, { text: `curl -N '${nodes.present.value}/watch?prefix=user/'` }),
          ])
        : h(
            'div',
            { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Watchers' },
            h('table', null, [
              head(
                'Watches',
                'Who',
                'From',
                'At',
                'Place',
                '#Behind',
                '#Fell behind',
                '#Left out',
                '#Waiting',
                '#For',
              ),
              h(
                'tbody',
                null,
                rows.map((row) =>
                  h('tr', null, [
                    h('td', { class: 'key' }, row.prefix === '' ? 'all keys' : `${row.prefix}…`),
                    h('td', null, row.caller),
                    h(
                      'td',
                      null,
                      `${row.address} (${row.over}${row.with_values ? '' : ', no values'})`,
                    ),
                    h('td', null, row.node),
                    h(
                      'td',
                      null,
                      row.standing === 'live'
                        ? h(Badge, { mood: 'good', children: 'at the end' })
                        : h(Badge, {
                            mood: 'warn',
                            children: row.standing === 'behind' ? 'behind' : 'reads the log',
                          }),
                    ),
                    ...[
                      count(row.behind_ops),
                      count(row.fell_behind),
                      count(row.left_out),
                      size(row.buffered_bytes),
                      span(now - Date.parse(row.since)),
                    ].map((text) => h('td', { class: 'number' }, text)),
                  ]),
                ),
              ),
            ]),
          ),
      h(
        'p',
        { class: 'hint' },
        'Left out: events that a slow watcher was not told, because a later one of their keys had come. The last state of each key always arrives.',
      ),
    ]),
  ];
}

/** @param labels those with a # before them are of numbers. */
function head(...labels: readonly string[]): ComponentChildren {
  return h(
    'thead',
    null,
    h(
      'tr',
      null,
      labels.map((label) =>
        h(
          'th',
          { scope: 'col', ...(label.startsWith('#') && { class: 'number' }) },
          label.replace('#', ''),
        ),
      ),
    ),
  );
}
