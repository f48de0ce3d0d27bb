/** Every node: what it is, how far it is behind, whether all agree, and what it did in the last 15 minutes. */
import { type ComponentChildren, h } from 'preact';
import { useRef } from 'preact/hooks';
import type { Cluster, Figures, Rates } from '../api/answers.ts';
import { nodes } from '../api/nodes.ts';
import { Chart, type Series } from '../parts/chart.ts';
import {
  Badge,
  errorText,
  type Mood,
  Problem,
  Time,
  useNow,
  usePolled,
} from '../parts/elements.ts';
import { type NodeState, type Picture, pictureOf, type Report } from '../words/clusterPicture.ts';
import { count, share, size, span, things } from '../words/formats.ts';
import { Mesh, moodOf } from './mesh.ts';

const POLL_MS = 2000;
/** Of a collection that goes on, the stable clock is this young. */
const HOLD_BACK_MS = 30_000;

async function reportOf(base: string): Promise<Report> {
  try {
    const [cluster, figures] = await Promise.all([
      nodes.readJsonAt<Cluster>(base, '/_cluster'),
      nodes.readJsonAt<Figures>(base, '/_figures'),
    ]);
    nodes.learn(cluster);
    return { base, cluster, figures, fault: null };
  } catch (error) {
    return { base, cluster: null, figures: null, fault: errorText(error) };
  }
}

async function reports(): Promise<readonly Report[]> {
  // It finds a node that answers, and learns of the others.
  nodes.learn(await nodes.readJson<Cluster>('/_cluster'));
  return Promise.all(nodes.known.value.map(reportOf));
}

export function ClusterView(): ComponentChildren {
  const { data, error } = usePolled(reports, POLL_MS, []);
  const now = useNow();
  if (data === null)
    return error === null
      ? h('p', { role: 'status' }, 'Asking the nodes …')
      : h(Problem, { error });
  const picture = pictureOf(data);
  return [
    h('h1', null, headline(picture)),
    h('div', { class: 'cards' }, [
      h(Mesh, { picture }),
      h(Collection, { reports: data, picture, now }),
    ]),
    h(
      'div',
      { class: 'cards' },
      picture.nodes.map((node) => h(NodeCard, { key: node.origin, node, now })),
    ),
    h(Charts, { reports: data }),
  ];
}

function headline({ nodes: all, links }: Picture): ComponentChildren {
  const name = all.find(({ report }) => report?.cluster)?.report?.cluster?.cluster.name ?? '';
  const silent = all.filter(({ report }) => report === null).length;
  const cut = links.filter(({ state }) => state === 'cut').length;
  const mood: Mood = all.some(({ agrees }) => agrees === false)
    ? 'bad'
    : silent + cut > 0
      ? 'warn'
      : 'good';
  const told =
    mood === 'bad'
      ? 'nodes disagree'
      : silent > 0
        ? `${things(silent, 'node')} not reached`
        : cut > 0
          ? `${things(cut, 'link')} cut`
          : 'all agree';
  return [`${name}: ${things(all.length, 'node')} `, h(Badge, { mood, children: told })];
}

function NodeCard({
  node,
  now,
}: {
  readonly node: NodeState;
  readonly now: number;
}): ComponentChildren {
  const { report, name, url, lagOps, lagMs, agrees } = node;
  const figures = report?.figures ?? null;
  const mood = moodOf(node);
  return h('section', { class: 'card', 'aria-label': name }, [
    h('h2', null, [
      name,
      h(Badge, { mood, children: figures === null ? 'not reached' : figures.health.status }),
    ]),
    h('dl', { class: 'pairs' }, [
      pair('Address', url === null ? 'unknown' : h('a', { href: url }, new URL(url).host)),
      pair(
        'Lag',
        `${lagOps === null ? 'unknown' : things(lagOps, 'op')}${lagMs === null ? '' : `, ${span(lagMs)}`}`,
      ),
      pair('Agrees', agreement(agrees, lagOps)),
      ...(figures === null ? [] : figurePairs(figures, now)),
    ]),
    figures?.health.reasons.map((reason) => h('p', { class: 'problem' }, reason)),
  ]);
}

function agreement(agrees: boolean | null, lagOps: number | null): ComponentChildren {
  if (agrees === false)
    return h(Badge, { mood: 'bad', children: 'no: another map of the same ops' });
  if (agrees === true) return h(Badge, { mood: 'good', children: 'yes, by the map sum' });
  return h(Badge, {
    mood: 'plain',
    children: lagOps ? 'not compared while it lags' : 'not compared yet',
  });
}

const pair = (name: string, value: ComponentChildren): ComponentChildren => [
  h('dt', null, name),
  h('dd', null, value),
];

function figurePairs(figures: Figures, now: number): ComponentChildren[] {
  const { memory, disk, entries, checkpoint, damage } = figures;
  const bound = memory.max_map_bytes === null ? '' : ` of ${size(memory.max_map_bytes)}`;
  return [
    pair('Version', figures.version),
    pair('Up for', span(now - Date.parse(figures.started_at))),
    pair(
      'Keys',
      `${count(entries.live)}, ${count(entries.dead)} dead${entries.cold > 0 ? `, ${count(entries.cold)} cold` : ''}`,
    ),
    pair('Memory', `${size(memory.process_bytes)}, map ${size(memory.map_bytes)}${bound}`),
    pair(
      'Disk',
      `${size(disk.database_bytes)} and ${size(disk.write_ahead_log_bytes)} ahead; ${disk.free_bytes === null ? 'unknown' : size(disk.free_bytes)} free`,
    ),
    pair(
      'Checkpoint',
      `${things(checkpoint.lag_rows, 'row')} behind${checkpoint.failures > 0 ? `, ${things(checkpoint.failures, 'failure')}` : ''}`,
    ),
    pair(
      'Damage',
      damage.forked.length > 0
        ? h(Badge, { mood: 'bad', children: `two histories of ${damage.forked.join(', ')}` })
        : damage.proved < 1
          ? `none found in ${share(damage.proved)} of the log`
          : 'none found',
    ),
    pair('Connections', count(figures.connections)),
  ];
}

interface CollectionProps {
  readonly reports: readonly Report[];
  readonly picture: Picture;
  readonly now: number;
}

/** Who keeps dead entries from being collected, and since when. */
function Collection({ reports: all, picture, now }: CollectionProps): ComponentChildren {
  const seen = all.find(({ cluster }) => cluster !== null);
  const stableAt = seen?.figures?.stable_at ?? null;
  const holding = seen?.cluster?.members.filter(({ holds_back }) => holds_back) ?? [];
  const silent = picture.nodes.filter(({ report }) => report === null);
  const ageMs = stableAt === null ? null : Math.max(0, now - Date.parse(stableAt));
  return h('section', { class: 'card' }, [
    h('h2', null, [
      'Collection of dead entries',
      ageMs === null
        ? h(Badge, { mood: 'plain', children: 'nothing yet' })
        : ageMs > HOLD_BACK_MS
          ? h(Badge, { mood: 'warn', children: `held back for ${span(ageMs)}` })
          : h(Badge, { mood: 'good', children: 'goes on' }),
    ]),
    h('p', null, [
      'A deleted or expired key is dropped once every member is known to have seen its end',
      stableAt === null
        ? '.'
        : [': so far, those up to ', h(Time, { at: Date.parse(stableAt), now }), '.'],
    ]),
    holding.length > 0 &&
      h('table', null, [
        h(
          'caption',
          { class: 'soft', style: { textAlign: 'left' } },
          'Slowest to tell what they hold',
        ),
        h(
          'tbody',
          null,
          holding.map(({ node, last_heard_at, behind_ops }) =>
            h('tr', null, [
              h('th', { scope: 'row' }, node),
              h(
                'td',
                null,
                last_heard_at === null
                  ? 'never heard'
                  : ['heard ', span(Math.max(0, now - Date.parse(last_heard_at))), ' ago'],
              ),
              h(
                'td',
                { class: 'number' },
                behind_ops === null ? '' : `${things(behind_ops, 'op')} behind`,
              ),
            ]),
          ),
        ),
      ]),
    silent.length > 0 &&
      h('p', { class: 'hint' }, [
        'If a node is lost for good: ',
        h('code', null, `hearsay member retire ${silent[0]?.name ?? ''}`),
      ]),
  ]);
}

/** The figures of a node that has gone stay until it is back, or the view is left. */
function Charts({ reports: all }: { readonly reports: readonly Report[] }): ComponentChildren {
  const known = useRef(new Map<string, Rates>());
  for (const { figures } of all)
    if (figures !== null) known.current.set(figures.node, figures.rates);
  const rates = [...known.current].sort(([a], [b]) => (a < b ? -1 : 1));
  const endsAt = Math.max(...rates.map(([, { ends_at }]) => Date.parse(ends_at)));
  const stepMs = rates[0]?.[1].step_ms ?? 5000;
  const perSecond = (name: 'writes' | 'reads' | 'conflicts'): Series[] =>
    rates.map(([node, rate]) => ({
      name: node,
      values: [...rate[name].map((sum) => (sum * 1000) / stepMs), ...gap(rate, endsAt, stepMs)],
    }));
  const watchers = rates.map(([node, rate]) => ({
    name: node,
    values: [...rate.watchers, ...gap(rate, endsAt, stepMs)],
  }));
  const common = { endsAt, stepMs };
  return h('div', { class: 'cards four' }, [
    h(Chart, { ...common, title: 'Writes', unit: 'a second', series: perSecond('writes') }),
    h(Chart, { ...common, title: 'Reads', unit: 'requests a second', series: perSecond('reads') }),
    h(Chart, { ...common, title: 'Conflicts', unit: 'a second', series: perSecond('conflicts') }),
    h(Chart, { ...common, title: 'Watchers', unit: 'now', series: watchers }),
  ]);
}

/** Zeros since the last figures of a node that has gone. */
const gap = ({ ends_at }: Rates, endsAt: number, stepMs: number): number[] =>
  Array<number>(Math.min(180, Math.floor((endsAt - Date.parse(ends_at)) / stepMs))).fill(0);
