/** The plots of docs/scale.md over the number of nodes. */
import { svgOf } from '../plots.ts';
import type { Measured } from './measure.ts';

const WIDTH = 460;
const HEIGHT = 240;
const NODES = {
  field: 'nodes',
  type: 'quantitative',
  scale: { type: 'log' },
  title: 'nodes',
} as const;

/** Hops until an op is at all nodes, beside the goal. */
export const hopsPlot = (sizes: readonly Measured[]): Promise<string> =>
  svgOf({
    width: WIDTH,
    height: HEIGHT,
    data: {
      values: sizes.flatMap(({ nodes, hopsToAllP99 }) => [
        { nodes, hops: hopsToAllP99, name: 'measured, 99th percentile' },
        { nodes, hops: mostHops(nodes), name: 'goal' },
      ]),
    },
    mark: { type: 'line', point: true },
    encoding: {
      x: NODES,
      y: { field: 'hops', type: 'quantitative', title: 'hops until all have an op' },
      color: { field: 'name', type: 'nominal', title: null },
    },
  });

/** Twice as many as the best of trees with two branches needs. */
export const mostHops = (nodes: number): number => 2 * Math.log2(nodes);

/** Bytes a second and node by kind of message. */
export const bytesPlot = (
  sizes: readonly Measured[],
  kindsOf: (size: Measured) => Readonly<Record<string, number>>,
  title: string,
): Promise<string> =>
  svgOf({
    width: WIDTH,
    height: HEIGHT,
    data: {
      values: sizes.flatMap((size) =>
        Object.entries(kindsOf(size)).map(([kind, bytes]) => ({
          nodes: String(size.nodes),
          kind,
          bytes,
        })),
      ),
    },
    mark: { type: 'bar' },
    encoding: {
      x: {
        field: 'nodes',
        type: 'ordinal',
        sort: null,
        title: 'nodes',
        axis: { labelAngle: 0 },
      },
      y: { field: 'bytes', type: 'quantitative', title },
      color: { field: 'kind', type: 'nominal', title: 'message' },
    },
  });
