// time limit: 300 s
/**
 * The page in a real Chromium over three real nodes: one is killed, writers collide, a key expires, 100,000 keys are
 * listed. With HEARSAY_PICTURES=1 it makes the pictures of docs/page.md.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chromiumFile, NO_CHROMIUM } from '../../scripts/chromium.ts';
import { patience } from '../../scripts/patience.ts';
import { startCluster, waitForConvergence } from '../support/nodes.ts';
import { patientDuration, waitFor } from '../support/processes.ts';
import { assertNothingMoved, look, openBrowser, openWindow } from './browser.ts';

const page = suite('page in a browser');

const JSON_TYPE = { 'Content-Type': 'application/json' };
const KEYS = 100_000;
const BATCH = 1000;
const put = async (url: string, key: string, body: object): Promise<void> => {
  const path = `${url}/cache/${encodeURIComponent(key)}`;
  const answer = await fetch(path, {
    method: 'PUT',
    headers: JSON_TYPE,
    body: JSON.stringify(body),
  });
  assert.is(answer.status, 200, await answer.text());
};

async function putMany(url: string): Promise<void> {
  for (let from = 0; from < KEYS; from += BATCH) {
    const ops = Array.from({ length: BATCH }, (_, index) => ({
      op: 'put',
      key: `many/${Math.floor((from + index) / BATCH)}/${from + index}`,
      value: from + index,
      version: 1,
    }));
    const answer = await fetch(`${url}/cache`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ ops }),
    });
    assert.is(answer.status, 200);
    await answer.arrayBuffer();
  }
}

const file = chromiumFile();
const test = file === null ? page.skip : page;
if (file === null) process.stdout.write(`${NO_CHROMIUM}\n`);

test('a person sees the cluster, edits, is told of a conflict, and goes on when a node dies', async () => {
  await using ends = new AsyncDisposableStack();
  const cluster = ends.use(
    await startCluster({ environment: { MEMBER_TIMEOUT: patientDuration(60_000) } }),
  );
  const [first, second, third] = [cluster.node(0), cluster.node(1), cluster.node(2)];
  const { page: seen, complaints, hosts } = await openWindow(await openBrowser(file ?? '', ends));
  const go = async (fragment: string): Promise<void> => {
    await seen.goto(`${first.url}/#/${fragment}`);
  };

  // An empty cache teaches.
  await go('keys');
  await seen.getByText('The cache is empty').waitFor();
  await look(seen, 'empty');

  // The tree, a typed value, and an edit under which somebody else writes.
  await put(first.url, 'user/1', {
    value: { name: 'Ada', since: '2026-01-01T00:00:00.000Z' },
    version: 1,
    meta: { values: { since: ['Date'] }, v: 1 },
  });
  await put(second.url, 'user/2', {
    value: 'short',
    version: 1,
    ttl_ms: Math.round(2000 * patience()),
  });
  await waitForConvergence(cluster.nodes, 20_000);
  await seen.getByText('user/', { exact: true }).first().waitFor();
  await seen.focus('[role=tree]');
  await seen.keyboard.press('ArrowRight');
  await seen.locator('[role=treeitem]', { hasText: /^\s*1$/ }).waitFor();
  await seen.keyboard.press('ArrowDown');
  await seen.keyboard.press('Enter');
  await seen.locator('.type', { hasText: 'Date' }).waitFor();
  await look(seen, 'keys');
  await seen.getByRole('button', { name: 'Edit' }).click();
  await put(second.url, 'user/1', { value: { name: 'Grace' }, version: 2 });
  await waitForConvergence(cluster.nodes, 20_000);
  await seen.fill('textarea', '{"name":"Edsger"}');
  await seen.getByRole('button', { name: 'Save' }).click();
  await seen.locator('.conflict ins', { hasText: 'Edsger' }).waitFor();
  await seen.locator('.conflict del', { hasText: 'Grace' }).waitFor();
  await look(seen, 'conflict');
  await seen.getByRole('button', { name: 'Write mine over it' }).click();
  await seen.locator('pre.value', { hasText: 'Edsger' }).waitFor();

  // An expiry takes the key out of the tree by itself.
  await go('keys?prefix=user%2F');
  await seen.locator('[role=treeitem]', { hasText: /^\s*1$/ }).waitFor();
  await waitFor(
    async () => (await seen.locator('[role=treeitem]').count()) === 1,
    20_000,
    'the key has gone',
  );

  // The history tells who wrote, and why each op was beaten.
  await go('history?key=user%2F1');
  await seen.getByText('Every op: 3').waitFor();
  await seen.getByText('version 2 beats 1').waitFor();
  await seen.locator('.timeline li', { hasText: 'this is the entry' }).waitFor();
  await look(seen, 'history');

  // The map then and now.
  await go('time');
  await seen.getByRole('button', { name: '1 d ago' }).click();
  await seen.getByText('0 keys then, 1 now').waitFor();
  await look(seen, 'time');

  // A pause leaves nothing out.
  await go('live');
  await seen.locator('td.key', { hasText: 'user/1' }).first().waitFor();
  await seen.getByRole('button', { name: 'Pause' }).click();
  for (let index = 0; index < 5; index++)
    await put(third.url, `paused/${index}`, { value: index, version: 1 });
  await waitForConvergence(cluster.nodes, 20_000);
  assert.is(await seen.locator('td.key', { hasText: 'paused/' }).count(), 0);
  await seen.getByRole('button', { name: 'Go on' }).click();
  await waitFor(
    async () => (await seen.locator('td.key', { hasText: 'paused/' }).count()) === 5,
    20_000,
    'all five are told',
  );
  await look(seen, 'live');

  // A watcher of another program is listed.
  const over = new AbortController();
  const watched = await fetch(`${second.url}/watch?prefix=user/`, { signal: over.signal });
  await go('watchers');
  await seen.locator('td.key', { hasText: 'user/…' }).waitFor();
  await look(seen, 'watchers');
  over.abort();
  await watched.body?.cancel().catch(() => {});

  // 100,000 keys: a folder opens, and is counted before it is deleted.
  await putMany(first.url);
  await go('keys?prefix=many%2F');
  await seen.getByText('7/', { exact: true }).click();
  await seen.locator('[role=treeitem]', { hasText: /^\s*7000$/ }).waitFor();
  assert.ok((await seen.locator('[role=treeitem]').count()) < 300);
  await seen.getByRole('button', { name: 'Delete folder many/7/' }).click();
  await seen.getByText('1,000 keys would be deleted').waitFor();
  await seen.getByRole('button', { name: 'Delete 1,000 keys' }).click();
  await seen.getByText('Deleted: 1,000 keys.').waitFor();
  await seen.getByRole('button', { name: 'Close' }).last().click();
  await waitForConvergence(cluster.nodes, 60_000);

  // The cluster, whole and with a node that was killed: the page says so, and goes on at another.
  await go('cluster');
  await seen.getByText('all agree').waitFor();
  await waitFor(
    async () => (await seen.locator('.mesh .link.cut').count()) === 0,
    20_000,
    'no link is cut',
  );
  await look(seen, 'cluster');
  await first.kill();
  await seen.getByText('this page goes on at').waitFor();
  await seen.getByText('1 node not reached').waitFor();
  await waitFor(
    async () => (await seen.locator('.mesh .link.cut').count()) === 2,
    20_000,
    'two links are cut',
  );
  await assertNothingMoved(seen, 'a node dies');
  await look(seen, 'killed');
  await seen.getByRole('link', { name: 'Keys', exact: true }).click();
  await seen.getByText('user/', { exact: true }).waitFor();

  assert.equal(complaints, []);
  const own = new Set(cluster.nodes.map(({ url }) => new URL(url).origin));
  assert.equal(
    [...hosts].filter((host) => !own.has(host)),
    [],
  );
});

test('the description is shown without another host, and tried out', async () => {
  await using ends = new AsyncDisposableStack();
  const cluster = ends.use(await startCluster({ nodes: 1 }));
  const { url } = cluster.node(0);
  const { page: seen, complaints, hosts } = await openWindow(await openBrowser(file ?? '', ends));
  await seen.goto(`${url}/docs`);
  await seen.locator('#operations-default-getHealth .opblock-summary-control').click();
  await seen.locator('#operations-default-getHealth .execute').click();
  await seen
    .locator('#operations-default-getHealth .live-responses-table', { hasText: '"ok"' })
    .waitFor();
  assert.equal(complaints, []);
  assert.equal([...hosts], [new URL(url).origin]);
});

page.run();
