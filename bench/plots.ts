/** Plots of figures as SVG texts. */
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Figure } from './figures.ts';

const WIDTH = 460;
const BAR_HEIGHT = 18;
const CONFIG = {
  background: 'white',
  font: 'sans-serif',
  axis: { titleFontWeight: 'normal' },
} as const;

/** Draws one plot. */
export async function svgOf(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile({ config: CONFIG, ...spec } as TopLevelSpec).spec), {
    renderer: 'none',
  });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** A bar for each figure, from zero. @param figures of one unit. */
export const bars = (figures: readonly Figure[], unit: string): Promise<string> =>
  svgOf({
    width: WIDTH,
    height: { step: BAR_HEIGHT },
    data: { values: figures.map(({ name, value }) => ({ name, value })) },
    encoding: {
      y: { field: 'name', type: 'nominal', sort: null, title: null, axis: { labelLimit: 420 } },
      x: { field: 'value', type: 'quantitative', title: unit },
    },
    layer: [
      { mark: { type: 'bar', color: '#4c78a8' } },
      {
        mark: { type: 'text', align: 'left', dx: 3 },
        encoding: { text: { field: 'value', type: 'quantitative', format: ',.3~s' } },
      },
    ],
  });

/** Each figure as a multiple of its goal, on a logarithmic scale with a line at the goal. */
export const againstGoals = (
  rows: readonly { readonly name: string; readonly share: number; readonly holds: boolean }[],
): Promise<string> =>
  svgOf({
    width: WIDTH,
    height: { step: BAR_HEIGHT },
    data: { values: [...rows] },
    layer: [
      {
        mark: { type: 'point', filled: true, size: 70 },
        encoding: {
          y: { field: 'name', type: 'nominal', sort: null, title: null, axis: { labelLimit: 420 } },
          x: {
            field: 'share',
            type: 'quantitative',
            scale: { type: 'log' },
            title: 'how many times as good as the goal',
          },
          shape: {
            field: 'holds',
            type: 'nominal',
            scale: { domain: [true, false], range: ['circle', 'cross'] },
            legend: null,
          },
          color: {
            field: 'holds',
            type: 'nominal',
            scale: { domain: [true, false], range: ['#4c78a8', '#c33d2f'] },
            legend: null,
          },
        },
      },
      { mark: { type: 'rule', strokeDash: [4, 3] }, encoding: { x: { datum: 1 } } },
    ],
  });

/** A line for each curve over the number of keys, both on logarithmic scales. @param figures of one unit. */
export const curves = (figures: readonly Figure[], unit: string): Promise<string> =>
  svgOf({
    width: WIDTH,
    height: 260,
    data: {
      values: figures.flatMap(({ curve, value }) =>
        curve === undefined || value <= 0 ? [] : [{ ...curve, value }],
      ),
    },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'keys', type: 'quantitative', scale: { type: 'log' }, axis: { format: '~s' } },
      y: { field: 'value', type: 'quantitative', scale: { type: 'log' }, title: unit },
      color: { field: 'name', type: 'nominal', title: null },
    },
  });
