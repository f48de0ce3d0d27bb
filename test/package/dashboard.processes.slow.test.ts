// time limit: 300 s
/**
 * The dashboard by the types that Grafana publishes, and each of its questions answered by a real Prometheus that
 * reads three real nodes. npm brings the types, so this needs a registry of npm.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { startCluster } from '../support/nodes.ts';
import { freePorts } from '../support/ports.ts';
import { temporaryDirectory, waitFor } from '../support/processes.ts';

const dashboard = suite('dashboard for Grafana');

const FOLDER = fileURLToPath(new URL('../../prometheus/', import.meta.url));
const COMPILER = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));
const TYPES = '@grafana/grafana-foundation-sdk';
const VERSION = '0.0.21';
const LIMIT_MS = 20_000;

const panelSchema = z.looseObject({
  title: z.string(),
  type: z.enum(['row', 'stat', 'timeseries']),
  targets: z.array(z.looseObject({ expr: z.string() })).default([]),
});
const textOf = (): Promise<string> => readFile(join(FOLDER, 'dashboard.json'), 'utf8');
const panelsIn = (text: string) =>
  z.looseObject({ panels: z.array(panelSchema) }).parse(JSON.parse(text)).panels;

/** The types are those of values in a program; JSON has the texts of their enumerations. */
const HEAD = `
import type { Dashboard, FieldConfigSource, Panel, RowPanel } from '${TYPES}/dashboard';
import type { Dataquery } from '${TYPES}/prometheus';
import type { Options as stat } from '${TYPES}/stat';
import type { FieldConfig, Options as timeseries } from '${TYPES}/timeseries';
type Plain<T> = T extends string ? \`\${T}\` : T extends (infer One)[] ? Plain<One>[]
  : T extends object ? { [Name in keyof T]: Plain<T[Name]> } : T;
type Kept<T, Name extends keyof T> = Plain<Omit<T, Name>>;
type Target = Partial<Plain<Dataquery>> & { refId: string; expr: string };
interface PanelOf<Options, Field> extends Kept<Panel, 'options' | 'targets' | 'fieldConfig'> {
  options: Partial<Plain<Options>>;
  targets: Target[];
  fieldConfig: Kept<FieldConfigSource, 'defaults'> & {
    defaults: Kept<FieldConfigSource['defaults'], 'custom'> & { custom?: Partial<Plain<Field>> };
  };
}
export interface Kinds {
  row: Plain<RowPanel>;
  stat: PanelOf<stat, never>;
  timeseries: PanelOf<timeseries, FieldConfig>;
}
export type Whole = Kept<Dashboard, 'panels'>;
`;

async function compile(directory: string, text: string): Promise<string> {
  const { panels, ...whole } = z.looseObject({ panels: z.unknown() }).parse(JSON.parse(text));
  assert.ok(Array.isArray(panels));
  const lines = panelsIn(text).map(
    ({ type }, index) =>
      `export const panel${index}: Kinds['${type}'] = ${JSON.stringify(panels[index])};`,
  );
  const file = join(directory, 'dashboard.ts');
  const program = `${HEAD}export const whole: Whole = ${JSON.stringify(whole)};\n${lines.join('\n')}\n`;
  await writeFile(file, program);
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
  return spawnSync(COMPILER, [...options, file], { cwd: directory, encoding: 'utf8' }).stdout;
}

dashboard('the types that Grafana publishes take the dashboard and each panel', async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await writeFile(join(path, 'package.json'), '{"type":"module"}');
  const words = ['install', '--no-audit', '--no-fund', '--ignore-scripts', `${TYPES}@${VERSION}`];
  const installed = spawnSync('npm', words, { cwd: path, encoding: 'utf8' });
  assert.is(installed.status, 0, installed.stderr);
  const text = await textOf();
  assert.is(await compile(path, text), '');
  // The types find a wrong word in each of its parts.
  for (const [right, wrong] of [
    ['"lastNotNull"', '5'],
    ['"colorMode": "value"', '"colorMode": "violet"'],
    ['"legendFormat"', '"legend_format"'],
    ['"gridPos"', '"gridPlace"'],
    ['"refresh": "30s"', '"refresh": 30'],
  ] as const) {
    assert.ok(text.includes(right), right);
    assert.match(await compile(path, text.replace(right, wrong)), /error TS/, wrong);
  }
});

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

/** Questions that have no answer while all is well would leave their panels without a line. */
async function silentPanels(url: string, text: string): Promise<string[]> {
  const silent: string[] = [];
  for (const { title, targets } of panelsIn(text))
    for (const { expr } of targets) {
      const asked = expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
      const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(asked)}`);
      const body: unknown = await answer.json();
      assert.is(answer.status, 200, `${title}: ${JSON.stringify(body)}`);
      if (answerSchema.parse(body).data.result.length === 0) silent.push(`${title}: ${expr}`);
    }
  return silent;
}

const isThere = spawnSync('prometheus', ['--version']).error === undefined;
if (!isThere)
  console.log('prometheus is not installed: it is asked nothing (apt-get install prometheus)');
const byPrometheus = isThere ? dashboard : dashboard.skip;

byPrometheus(
  'a Prometheus that reads three nodes answers each question of each panel',
  async () => {
    await using ends = new AsyncDisposableStack();
    const cluster = ends.use(await startCluster());
    const { path } = ends.use(await temporaryDirectory());
    for (const name of ['records.yaml', 'alerts.yaml'])
      await copyFile(join(FOLDER, name), join(path, name));
    const targets = cluster.nodes.map(({ url }) => new URL(url).host);
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: ['records.yaml', 'alerts.yaml'],
      scrape_configs: [{ job_name: 'hearsay', static_configs: [{ targets }] }],
    };
    await writeFile(join(path, 'prometheus.yaml'), JSON.stringify(config));
    const port = await freePorts(1);
    const words = [
      `--config.file=${join(path, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(path, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = spawn('prometheus', words, { stdio: 'ignore' });
    ends.defer(async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    });
    const text = await textOf();
    let silent: string[] = ['not asked yet'];
    const url = `http://127.0.0.1:${port}`;
    const use = async (index: number): Promise<void> => {
      const node = cluster.node(index % 3);
      const body = JSON.stringify({ value: index, version: 'next' });
      const headers = { 'Content-Type': 'application/json' };
      await node.request(`/cache/k${index % 10}`, { method: 'PUT', headers, body });
      await node.request(`/cache/k${index % 10}`);
    };
    let turn = 0;
    try {
      await waitFor(
        async () => {
          await use(turn++);
          silent = await silentPanels(url, text);
          return silent.length === 0;
        },
        LIMIT_MS,
        'every panel shows something',
      );
    } catch (error) {
      throw new Error(`No answer for ${silent.join(' and ')}`, { cause: error });
    }
  },
);

dashboard.run();
