/** A chart of the last 15 minutes: a line for each node. Its figures are beside it as text, too. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { figure } from '../words/formats.ts';

/** The lines of one figure. */
export interface Series {
  readonly name: string;
  /** The oldest first; null where nothing is known. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  readonly unit: string;
  /** UTC milliseconds of the last value. */
  readonly endsAt: number;
  readonly stepMs: number;
  readonly series: readonly Series[];
}

const HEIGHT = 170;
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
/** Between two marks of the figures, so that none is rounded. */
const STEPS_UP = [
  0.5,
  ...Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat(),
];
/** 15 minutes of steps of five seconds. */
const STEPS = 180;
export const COLOURS = 5;

export function Chart({ title, unit, endsAt, stepMs, series }: ChartProps): ComponentChildren {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = series.map(({ name }) => name).join();
  const data = tableOf(endsAt, stepMs, series);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(element, names.split(',').length), data, element);
    };
    draw();
    const watcher = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    watcher.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => {
      watcher.disconnect();
      scheme.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names]);
  useEffect(() => plot.current?.setData(data), [endsAt, names]);
  return h('section', { class: 'card' }, [
    h('h2', null, [title, h('span', { class: 'soft' }, unit)]),
    h('div', { class: 'chart', ref: place, 'aria-hidden': 'true' }),
    h(
      'div',
      { class: 'chart-legend' },
      series.map(({ name, values }, index) =>
        h('span', null, [
          h('span', { class: `dot n${(index % COLOURS) + 1}` }),
          `${name}: ${last(values)}`,
        ]),
      ),
    ),
  ]);
}

function last(values: Series['values']): string {
  const value = values.at(-1) ?? null;
  return value === null ? 'unknown' : figure(value);
}

function tableOf(endsAt: number, stepMs: number, series: readonly Series[]): uPlot.AlignedData {
  const times = Array.from(
    { length: STEPS },
    (_, index) => (endsAt - (STEPS - 1 - index) * stepMs) / 1000,
  );
  const lines = series.map(({ values }) => {
    const lacking = Math.max(0, STEPS - values.length);
    return [...Array<null>(lacking).fill(null), ...values.slice(-STEPS)];
  });
  return [times, ...lines];
}

function optionsFor(element: HTMLElement, lines: number): uPlot.Options {
  const colourOf = (name: string): string =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = {
    stroke: colourOf('--soft'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [
      {
        ...axis,
        space: 70,
        size: 28,
        values: (_plot, marks) => marks.map((mark) => minute.format(mark * 1000)),
      },
      {
        ...axis,
        size: 48,
        incrs: STEPS_UP,
        values: (_plot, marks) => marks.map((mark) => figure(mark)),
      },
    ],
    series: [
      {},
      ...Array.from({ length: lines }, (_, index) => ({
        stroke: colourOf(`--node-${(index % COLOURS) + 1}`),
        width: 2,
        points: { show: false },
      })),
    ],
  };
}
