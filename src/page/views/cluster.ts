/** Every node: what it is, how far it is behind, whether all agree, and what it did in the last 15 minutes. */
import { type ComponentChildren, h } from 'preact';
import { useRef } from 'preact/hooks';
import type { Figures, Rates } from '../api/answers.ts';
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
import {
  holdBacksOf,
  isOutOfSight,
  isSilent,
  type NodeState,
  type Picture,
  pictureOf,
  type Report,
} from '../words/clusterPicture.ts';
import { count, share, size, span, things } from '../words/formats.ts';
import { Mesh, moodOf } from './mesh.ts';

const POLL_MS = 2000;

async function reportOf(base: string): Promise<Report> {
  try {
    const [cluster, figures] = await Promise.all([
      nodes.readClusterAt(base),
      nodes.readJsonAt<Figures>(base, '/_figures'),
    ]);
    return { base, cluster, figures, fault: null };
  } catch (error) {
    return { base, cluster: null, figures: null, fault: errorText(error) };
  }
}

async function reports(): Promise<readonly Report[]> {
  // It finds a node that answers, and learns of the others.
  await nodes.readCluster();
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

function headline(picture: Picture): ComponentChildren {
  const { nodes: all } = picture;
  const name = all.find(({ report }) => report?.cluster)?.report?.cluster?.cluster.name ?? '';
  const { mood, told } = verdictOn(picture);
  return [`${name}: ${things(all.length, 'node')} `, h(Badge, { mood, children: told })];
}

function verdictOn({ nodes: all, links }: Picture): { readonly mood: Mood; readonly told: string } {
  const silent = all.filter(isSilent).length;
  const unseen = all.filter(isOutOfSight).length;
  const cut = links.filter(({ state }) => state === 'cut').length;
  if (all.some(({ agrees }) => agrees === false)) return { mood: 'bad', told: 'nodes disagree' };
  if (silent > 0) return { mood: 'bad', told: `${things(silent, 'node')} not reached` };
  if (cut > 0) return { mood: 'warn', told: `${things(cut, 'link')} cut` };
  if (unseen > 0) return { mood: 'warn', told: `${things(unseen, 'node')} not seen from here` };
  return { mood: 'good', told: all.length === 1 ? 'all is well' : 'all agree' };
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
  return h('section', { class: 'card', 'aria-label': name }, [
    h('h2', null, [name, h(Badge, { mood: moodOf(node), children: standingOf(node) })]),
    h('dl', { class: 'pairs' }, [
      pair('Address', url === null ? 'unknown' : h('a', { href: url }, new URL(url).host)),
      pair(
        'Lag',
        `${lagOps === null ? 'unknown' : things(lagOps, 'op')}${lagMs === null ? '' : `, ${span(lagMs)}`}${figures === null && lagOps !== null ? ' when last heard' : ''}`,
      ),
      pair('Agrees', agreement(agrees, lagOps)),
      ...(figures === null ? unknownPairs() : figurePairs(figures, now)),
    ]),
    figures?.health.reasons.map((reason) => h('p', { class: 'problem' }, reason)),
    isOutOfSight(node) &&
      h(
        'p',
        { class: 'hint' },
        `Heard by ${hearersText(node.heardBy)}; this browser can't reach it.`,
      ),
  ]);
}

const hearersText = (names: readonly string[]): string =>
  names.length > 3 ? `${names[0]} and ${names.length - 1} other nodes` : names.join(' and ');

function standingOf(node: NodeState): string {
  if (isSilent(node)) return 'not reached';
  return node.report?.figures?.health.status ?? 'not seen from here';
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

const FIGURES = [
  'Version',
  'Up for',
  'Keys',
  'Memory',
  'Disk',
  'Checkpoint',
  'Damage',
  'Connections',
] as const;

type FigureName = (typeof FIGURES)[number];

/** They keep the place of figures, so that nothing moves when a node goes. */
const unknownPairs = (): ComponentChildren[] =>
  FIGURES.map((name) => pair(name, h('span', { class: 'soft' }, 'unknown')));

function figurePairs(figures: Figures, now: number): ComponentChildren[] {
  const { memory, disk, entries, checkpoint } = figures;
  const bound = memory.max_map_bytes === null ? '' : ` of ${size(memory.max_map_bytes)}`;
  const told: Readonly<Record<FigureName, ComponentChildren>> = {
    Version: figures.version,
    'Up for': span(now - Date.parse(figures.started_at)),
    Keys: `${count(entries.live)}, ${count(entries.dead)} dead${entries.cold > 0 ? `, ${count(entries.cold)} cold` : ''}`,
    Memory: `${size(memory.process_bytes)}, map ${size(memory.map_bytes)}${bound}`,
    Disk: `${size(disk.database_bytes + disk.write_ahead_log_bytes)}${disk.free_bytes === null ? '' : `, ${size(disk.free_bytes)} free`}`,
    Checkpoint: `${things(checkpoint.lag_rows, 'row')} behind${checkpoint.failures > 0 ? `, ${things(checkpoint.failures, 'failure')}` : ''}`,
    Damage: damageText(figures),
    Connections: count(figures.connections),
  };
  return FIGURES.map((name) => pair(name, told[name]));
}

function damageText({ damage }: Figures): ComponentChildren {
  if (damage.forked.length > 0)
    return h(Badge, { mood: 'bad', children: `two histories of ${damage.forked.join(', ')}` });
  return damage.proved < 1 ? `none found in ${share(damage.proved)} of the log` : 'none found';
}

interface CollectionProps {
  readonly reports: readonly Report[];
  readonly picture: Picture;
  readonly now: number;
}

/** Who keeps dead entries from being collected, and for how long. */
function Collection({ reports: all, picture, now }: CollectionProps): ComponentChildren {
  const figures = all.find(({ figures: told }) => told !== null)?.figures ?? null;
  const holding = holdBacksOf(all, now);
  const waiting = figures?.entries.dead ?? 0;
  const lost = picture.nodes.find(isSilent);
  return h('section', { class: 'card' }, [
    h('h2', null, [
      'Collection of dead entries',
      holding.length === 0
        ? h(Badge, { mood: 'good', children: 'goes on' })
        : h(Badge, {
            mood: 'warn',
            children: `held back by ${holding.map(({ node }) => node).join(', ')}`,
          }),
    ]),
    h('p', null, [
      'A deleted or expired key is dropped once every member is known to have seen its end. ',
      waiting === 0
        ? 'None waits now.'
        : `${things(waiting, 'dead entry', 'dead entries')} waited at the last look.`,
    ]),
    figures?.stable_at != null &&
      h('p', null, [
        'Every member has seen what died by ',
        h(Time, { at: Date.parse(figures.stable_at), now }),
        '.',
      ]),
    holding.length > 0 &&
      h(
        'table',
        null,
        h(
          'tbody',
          null,
          holding.map(({ node, silentMs, behindOps }) =>
            h('tr', null, [
              h('th', { scope: 'row' }, node),
              h('td', null, silentMs === null ? 'never heard' : `not heard for ${span(silentMs)}`),
              h(
                'td',
                { class: 'number' },
                behindOps === null ? '' : `${things(behindOps, 'op')} behind`,
              ),
            ]),
          ),
        ),
      ),
    lost !== undefined &&
      h('p', { class: 'hint' }, [
        'If that node is lost for good: ',
        h('code', null, `hearsay member retire ${lost.name}`),
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

/** Nothing is known since the last figures of a node that has gone. */
const gap = ({ ends_at }: Rates, endsAt: number, stepMs: number): null[] =>
  Array<null>(Math.min(180, Math.floor((endsAt - Date.parse(ends_at)) / stepMs))).fill(null);
