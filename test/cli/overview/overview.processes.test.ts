// time limit: 120 s
/** `hearsay status` and `hearsay top` on real nodes, and on a real terminal, which `script` of util-linux makes. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NodeProcess, startCluster, waitForConvergence } from '../../support/nodes.ts';
import { waitFor } from '../../support/processes.ts';
import { PROGRAM } from '../../support/program.ts';
import { runShared } from '../../support/sharedCommands.ts';

const overview = suite('overview');

const LIMIT_MS = 15_000;
const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';

overview('status and top tell of nodes that agree, and of one that is gone', async () => {
  await using cluster = await startCluster();
  const { nodes } = cluster;
  const environment = { HEARSAY_URL: cluster.node(0).url, COLUMNS: '80' };
  assert.is((await cluster.node(0).put('a', { value: 1, version: 1 })).status, 200);
  await waitForConvergence(nodes, LIMIT_MS);

  const whole = await runShared(['status'], environment);
  assert.is(whole.code, 0, whole.stdout);
  assert.is(whole.stderr, '');
  assert.match(whole.stdout, /: 3 nodes, all there, all agree\nNODE {2}STATE AGREES /);
  for (const { nodeId, url } of nodes)
    assert.match(whole.stdout, new RegExp(`\n${nodeId} ok +yes +0 .*${url}\n`));
  for (const line of whole.stdout.split('\n')) assert.ok(line.length <= 80, line);

  const once = await runShared(['top', '--interval', '200ms'], environment);
  assert.is(once.code, 0, once.stderr);
  assert.match(once.stdout, /WRITES\/S READS\/S .*HOLDS BACK\nnode1 ok /);

  await onTerminal(cluster.node(0));

  await cluster.node(2).kill();
  // The others notice it once they get to it.
  await waitFor(
    async () => {
      const broken = await runShared(['status', '--json', '--wait', '1s'], environment);
      assert.is(broken.code, 1);
      const { ok, faults, nodes: told } = JSON.parse(broken.stdout);
      assert.is(ok, false);
      const { state } = told.find(({ node }: { node: string }) => node === 'node3');
      if (state !== 'missing') return false;
      assert.match(faults.join('\n'), /node3 is missing: no node hears it since /);
      return true;
    },
    LIMIT_MS,
    'node3 is missing',
  );
});

overview('no node is one sentence, with exit code 1', async () => {
  for (const command of ['status', 'top']) {
    const { code, stdout, stderr } = await runShared([command, '--url', 'http://127.0.0.1:2']);
    assert.is(code, 1);
    assert.is(stdout, '');
    assert.match(stderr, /^No node can be asked \(http:\/\/127\.0\.0\.1:2: [^\n]+\)\.\n$/);
  }
});

overview.run();

/** Presses `?`, which explains, a key, which goes back, and `q`, which leaves. */
async function onTerminal({ url }: NodeProcess): Promise<void> {
  if (spawnSync('script', ['--version']).error !== undefined) {
    console.log('skipped a part: `script` is not installed: no command is tried on a terminal.');
    return;
  }
  const command = `${process.execPath} ${PROGRAM} top --interval 100ms --url ${url}`;
  const child = spawn('script', ['-qec', `stty cols 80 rows 24; exec ${command}`, '/dev/null'], {
    env: { ...process.env, COLUMNS: undefined, NO_COLOR: '1' },
  });
  try {
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      shown += text;
    });
    const shows = async (text: string): Promise<void> => {
      await waitFor(() => shown.includes(text), LIMIT_MS, `the terminal shows ${text}`);
      shown = shown.slice(shown.lastIndexOf(text) + text.length);
    };
    await shows(ENTER);
    await waitFor(() => shown.includes('q leaves   ? explains'), LIMIT_MS, 'the first frame');
    assert.match(shown, /node3 ok +yes +0 +\S+ +\d+ +\d+ /, 'the first frame has rates');
    await shows('q leaves   ? explains');
    child.stdin.write('?');
    await shows('HOLDS BACK  whether all wait');
    child.stdin.write(' ');
    await shows('node3 ok');
    const ended = once(child, 'close');
    child.stdin.write('q');
    assert.equal(await ended, [0, null]);
    assert.ok(shown.includes(LEAVE), 'the terminal gets its own screen back');
  } finally {
    child.kill('SIGKILL');
  }
}
