/** The nodes and the links between them as a picture; the same is told as text for those who do not see it. */
import { type ComponentChildren, h } from 'preact';
import { isSilent, type Link, type NodeState, type Picture } from '../words/clusterPicture.ts';

const WIDTH = 420;
const HEIGHT = 260;
const RADIUS = 26;

export function Mesh({ picture }: { readonly picture: Picture }): ComponentChildren {
  const { nodes, links } = picture;
  const places = nodes.map((_, index) => placeOf(index, nodes.length));
  const nameOf = (index: number): string => nodes[index]?.name ?? '';
  const textOf = ({ from, to, state, reason }: Link): string =>
    `${nameOf(from)} – ${nameOf(to)}: ${state === 'cut' ? `cut (${reason})` : reason}`;
  const apart = links.filter(({ state }) => state === 'cut' || state === 'unknown');
  return h('section', { class: 'card' }, [
    h('h2', null, 'Mesh'),
    h(
      'svg',
      {
        class: 'mesh',
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: 'img',
        'aria-label': links.map(textOf).join('; ') || 'One node',
      },
      [
        ...links.map((link) => {
          const [x1, y1] = places[link.from] ?? [0, 0];
          const [x2, y2] = places[link.to] ?? [0, 0];
          return [
            h('line', { class: `link ${link.state}`, x1, y1, x2, y2 }),
            link.state === 'cut' &&
              h('text', { class: 'scissors', x: (x1 + x2) / 2, y: (y1 + y2) / 2 + 6 }, '✂'),
          ];
        }),
        ...nodes.map((node, index) => {
          const [x, y] = places[index] ?? [0, 0];
          return [
            h('circle', { class: moodOf(node), cx: x, cy: y, r: RADIUS }),
            h('text', { x, y: y + 5 }, shortName(node.name)),
          ];
        }),
      ],
    ),
    h(
      'ul',
      { class: 'links' },
      apart.map((link) => h('li', null, `${link.state === 'cut' ? '✂' : '?'} ${textOf(link)}`)),
    ),
  ]);
}

function placeOf(index: number, total: number): readonly [x: number, y: number] {
  if (total === 1) return [WIDTH / 2, HEIGHT / 2];
  const angle = (2 * Math.PI * index) / total - Math.PI / 2;
  const x = WIDTH / 2 + Math.cos(angle) * (WIDTH / 2 - RADIUS * 2.2);
  return [x, HEIGHT / 2 + Math.sin(angle) * (HEIGHT / 2 - RADIUS * 1.3)];
}

export function moodOf(node: NodeState): 'good' | 'warn' | 'bad' {
  const { report, agrees } = node;
  const status = report?.figures?.health.status;
  if (isSilent(node) || agrees === false || status === 'failing') return 'bad';
  return report === null || status === 'degraded' ? 'warn' : 'good';
}

const shortName = (name: string): string => (name.length > 8 ? `${name.slice(0, 7)}…` : name);
