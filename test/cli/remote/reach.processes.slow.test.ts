// time limit: 300 s
/** How commands reach a node: URLs that are none, nodes that hang, nodes that are not there. */
import { once } from 'node:events';
import * as http from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../support/nodes.ts';
import { CommandProcess, runCommand, waitFor } from '../../support/processes.ts';
import { runShared } from '../../support/sharedCommands.ts';

const reach = suite('how commands reach a node');

const NOWHERE = 'http://127.0.0.1:2';
const LIMIT_MS = 30_000;

/** Runs with a server that takes connections and never answers. */
async function beforeHungNode(run: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
  }
}

reach('a URL that is none is told in one sentence by every command, with exit code 2', async () => {
  const commands = [
    ['get', 'a'],
    ['member', 'list'],
    ['log', 'stat'],
    ['log', 'replay', 'none'],
  ];
  const ran = await Promise.all(
    commands.map((words) => runShared(words, { HEARSAY_URL: `${NOWHERE},localhost:8001` })),
  );
  for (const { code, stdout, stderr } of ran) {
    assert.is(code, 2, stderr);
    assert.is(stdout, '');
    assert.match(stderr, /^HEARSAY_URL must hold an http or https URL .*, not localhost:8001\.\n$/);
  }
  const flag = await runCommand(['get', 'a', '--url', 'localhost:8001']);
  assert.is(flag.code, 2);
  assert.match(flag.stderr, /--url <url>.*It must be an http or https URL such as/);
});

reach('a node that hangs is given up after --timeout', () =>
  beforeHungNode(async (url) => {
    const commands = [
      ['member', 'list'],
      ['member', 'retire', 'a'],
      ['log', 'stat'],
      ['get', 'a'],
    ];
    const ran = await Promise.all(
      commands.map((words) => runShared([...words, '--url', url, '--timeout', '200ms'])),
    );
    for (const { code, stderr } of ran) {
      assert.is(code, 1, stderr);
      assert.match(stderr, /no answer within 200 ms/);
    }
  }),
);

reach(
  'a watch calls a node lost only if it had it, and tells once that one is not there',
  async () => {
    const broken = http.createServer();
    broken.on('upgrade', (_request, socket) => socket.destroy());
    broken.listen(0, '127.0.0.1');
    await once(broken, 'listening');
    const brokenUrl = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
    try {
      await using cluster = await startCluster({ nodes: 1 });
      const node = cluster.node(0);
      const words = ['watch', '--url', brokenUrl, '--url', node.url];
      await using watch = new CommandProcess(words);
      await waitFor(() => watch.stderr.includes('Up to date.'), LIMIT_MS, 'the watch is there');
      const cannot = `${brokenUrl} can't be watched (no connection); trying again.\n`;
      assert.is(watch.stderr, `${cannot}Watching ${node.url}.\nUp to date.\n`);
      await node.stop();
      const lost = `${node.url} is lost (`;
      await waitFor(() => watch.stderr.includes(lost), LIMIT_MS, 'the loss is told');
      await waitFor(() => watch.stderr.split(cannot).length === 3, LIMIT_MS, 'the other is tried');
      assert.is(watch.stderr.split(lost).length, 2);
    } finally {
      broken.close();
    }
  },
);

reach('members that share a name are told apart, with a remark on stderr', async () => {
  await using cluster = await startCluster({
    nodes: 2,
    environmentOf: () => ({ NODE_ID: 'twin' }),
  });
  const { code, stdout, stderr } = await runShared([
    'member',
    'list',
    '--url',
    cluster.node(0).url,
  ]);
  assert.is(code, 0, stderr);
  assert.is(stdout.match(/^twin /gm)?.length, 2);
  assert.is(
    stderr,
    'Several members have the name twin: start each node with a --node-id of its own.\n',
  );
});

reach.run();
