/** The rules and the dashboard ask for metrics that a node has, and say what to do. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { startCluster } from '../support/nodes.ts';
import { temporaryDirectory } from '../support/processes.ts';

const prometheus = suite('prometheus');

const FOLDER = new URL('../../prometheus/', import.meta.url);
const textOf = (name: string): Promise<string> => readFile(new URL(name, FOLDER), 'utf8');

const dashboardSchema = z.object({
  panels: z.array(
    z.object({
      title: z.string().min(1),
      type: z.enum(['row', 'stat', 'timeseries']),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ expr: z.string().min(1) })).default([]),
    }),
  ),
});

const panelsOf = async () =>
  dashboardSchema.parse(JSON.parse(await textOf('dashboard.json'))).panels;

const isThere = spawnSync('promtool', ['--version']).error === undefined;
if (!isThere)
  console.log('promtool is not installed: its checks are skipped (apt-get install prometheus)');
const byPromtool = isThere ? prometheus : prometheus.skip;

function promtool(words: readonly string[], cwd: string = FOLDER.pathname): void {
  const { status, stdout, stderr } = spawnSync('promtool', words, { cwd });
  assert.is(status, 0, `${stdout}${stderr}`);
}

prometheus('every metric that rules and dashboard name is one of a node', async () => {
  await using cluster = await startCluster({ nodes: 1 });
  const told = await (await cluster.node(0).request('/metrics')).text();
  const metrics = new Set(
    [...told.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name = '', kind]) =>
      kind === 'histogram' ? ['', '_bucket', '_sum', '_count'].map((end) => name + end) : [name],
    ),
  );
  const records = await textOf('records.yaml');
  const recorded = [...records.matchAll(/- record: (\S+)/g)].map(([, name = '']) => name);
  const texts = [records, await textOf('alerts.yaml'), await textOf('dashboard.json')];
  for (const text of texts) {
    const named = text.match(/(?<![\w:])(hearsay|process)_\w+/g) ?? [];
    assert.ok(named.length > 5);
    for (const name of named)
      assert.ok(metrics.has(name) || name === 'hearsay_records', `no metric is called ${name}`);
    for (const [name] of text.matchAll(/\b\w+:\w+:\w+/g))
      assert.ok(recorded.includes(name), `nothing records ${name}`);
  }
  for (const name of recorded)
    assert.ok(
      texts.slice(1).some((text) => text.includes(name)),
      `nobody asks for ${name}`,
    );
});

prometheus(
  'docs/operate.md has each alert, and the alert says what to do in its words',
  async () => {
    const rules = await textOf('alerts.yaml');
    const operate = await readFile(new URL('../../docs/operate.md', import.meta.url), 'utf8');
    const alerts = [...rules.matchAll(/- alert: (\w+)[\s\S]*?description: (".*")/g)].map(
      ([, name, description = '']) => [name, JSON.parse(description)],
    );
    const told = [...operate.matchAll(/^\| (Hearsay\w+) .*\| (.*?) *\|$/gm)].map(
      ([, name, remedy = '']) => [name, remedy.replaceAll('`', "'")],
    );
    assert.is(alerts.length, rules.match(/- alert: /g)?.length);
    assert.equal(told, alerts);
  },
);

prometheus('panels of the dashboard do not overlap', async () => {
  const panels = await panelsOf();
  assert.ok(panels.length > 20);
  const taken = new Set<string>();
  for (const { title, gridPos } of panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(x < 24 && !taken.has(`${x},${y}`), `${title} lies on another panel`);
        taken.add(`${x},${y}`);
      }
});

byPromtool('promtool has nothing to say against the rules, and their tests pass', () => {
  promtool(['check', 'rules', 'alerts.yaml', 'records.yaml']);
  promtool(['test', 'rules', 'rules.test.yaml']);
});

byPromtool('promtool takes each question of the dashboard', async () => {
  await using directory = await temporaryDirectory();
  const questions = (await panelsOf()).flatMap(({ targets }) => targets);
  const rules = questions.map(({ expr }, index) => {
    const asked = expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*');
    return `      - record: panel:question:${index}\n        expr: ${JSON.stringify(asked)}\n`;
  });
  const file = join(directory.path, 'questions.yaml');
  writeFileSync(file, `groups:\n  - name: questions\n    rules:\n${rules.join('')}`);
  promtool(['check', 'rules', file]);
});

byPromtool('promtool takes the part of Prometheus', async () => {
  // The promtool of Debian does not know Kubernetes.
  const text = (await textOf('prometheus.yaml')).replace(
    /kubernetes_sd_configs: .*/,
    'static_configs: [{ targets: [hearsay] }]',
  );
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'prometheus.yaml');
  writeFileSync(file, text);
  promtool(['check', 'config', '--syntax-only', file]);
});

prometheus.run();
