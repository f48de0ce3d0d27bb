// time limit: 240 s
/** Raw bytes and touches in every tool: each names them, and loses nothing of them on the way to another node. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../support/nodes.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import { jsonOf, succeeds } from './run.ts';

const test = suite('tools on bytes and touches');

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const HOUR_MS = 3_600_000;

async function putBytes(url: string, key: string, version: string, body: Buffer): Promise<void> {
  const headers = { 'Content-Type': 'image/png', 'Hearsay-Version': version };
  const answer = await fetch(`${url}/cache/${key}`, { method: 'PUT', headers, body });
  assert.is(answer.status, 200, await answer.text());
}

/** The body, type, version and remaining minutes of a key. */
async function read(url: string, key: string) {
  const answer = await fetch(`${url}/cache/${key}?fields=ttl`);
  const left = answer.headers.get('hearsay-ttl-ms');
  return {
    bytes: Buffer.from(await answer.arrayBuffer()),
    type: answer.headers.get('content-type'),
    version: answer.headers.get('hearsay-version'),
    minutes: left === null ? null : Math.round(Number(left) / 60_000),
  };
}

const ENTRY = { bytes: BYTES, type: 'image/png', version: '3' };

test('explain, what-if, at, exports, imports and a replay', async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await using cluster = await startCluster({ nodes: 1 });
  const [node] = [cluster.node(0)];
  const place = ['--data-dir', node.dataDir];
  // lsn 1 is the join.
  await putBytes(node.url, 'a', '3', BYTES);
  await succeeds('touch', 'a', '--ttl', '2h', '--url', node.url);
  await succeeds('touch', 'a', '--ttl', '1h', '--url', node.url);
  await putBytes(node.url, 'b', '1', Buffer.from('before'));
  await node.put('b', { value: 'after', version: 2 });
  const mine = (await jsonOf('log', 'tail', ...place)).find(({ lsn }) => lsn === 4);
  const lastTouch = String(mine?.op);

  const explained = await succeeds('log', 'explain', 'a', ...place);
  assert.match(explained.stdout, /image\/png, 256 bytes/);
  assert.is(explained.stdout.match(/a touch gave it another time to live/g)?.length, 2);
  const past = await succeeds('log', 'at', 'lsn:5', 'b', ...place);
  assert.match(past.stdout, /image\/png, 6 bytes/);
  const [then] = await jsonOf('log', 'at', 'lsn:5', 'b', ...place);
  assert.equal(
    [then?.value, then?.meta],
    [{ bytes: Buffer.from('before').toString('base64'), type: 'image/png' }, 'bytes'],
  );

  // Without the last touch the one before it counts, and without the text the bytes are back.
  const without = await jsonOf('log', 'what-if', '--without', lastTouch, ...place);
  assert.equal(
    without.map(({ key }) => key),
    ['a'],
    JSON.stringify(without),
  );
  const text = (await jsonOf('log', 'tail', ...place)).find(({ lsn }) => lsn === 6);
  const back = await jsonOf('log', 'what-if', '--without', String(text?.op), ...place);
  assert.equal(
    back.map(({ key }) => key),
    ['b'],
    JSON.stringify(back),
  );

  await writeFile(at('entries.jsonl'), (await succeeds('log', 'export', ...place)).stdout);
  await succeeds('log', 'export', '--as-ops', ...place, '--output', at('ops.jsonl'));

  await using other = await startCluster({ nodes: 1 });
  const target = other.node(0);
  await succeeds('log', 'import', at('entries.jsonl'), '--url', target.url);
  assert.equal(await read(target.url, 'a'), { ...ENTRY, minutes: 60 });

  await using replayed = await startCluster({ nodes: 1 });
  const words = ['log', 'replay', at('ops.jsonl'), '--to', replayed.node(0).url, '--max'];
  const [sent] = await jsonOf(...words);
  assert.equal([sent?.writes, sent?.stored, sent?.conflicts, sent?.failed], [5, 5, 0, 0]);
  assert.equal(await read(replayed.node(0).url, 'a'), { ...ENTRY, minutes: 60 });
  const { value } = (await (await replayed.node(0).get('b')).json()) as { value: unknown };
  assert.is(value, 'after');

  await succeeds('log', 'import', at('ops.jsonl'), '--data-dir', at('new'));
  const [entry] = await jsonOf('log', 'at', 'now', 'a', '--data-dir', at('new'));
  const leftMs = Date.parse(String(entry?.expires_at)) - Date.now();
  assert.ok(leftMs > HOUR_MS / 2 && leftMs <= HOUR_MS, JSON.stringify(entry));
  assert.equal(entry?.value, { bytes: BYTES.toString('base64'), type: 'image/png' });
});

test.run();
