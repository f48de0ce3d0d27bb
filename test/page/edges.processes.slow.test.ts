// time limit: 300 s
/** The page where a token is wanted, where a link is cut, where a log is damaged, and in another locale. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chromiumFile, NO_CHROMIUM } from '../../scripts/chromium.ts';
import { Links } from '../cluster/links.ts';
import { guardedNode, makeToken } from '../http/access/guardedNode.ts';
import { startCluster, waitForConvergence } from '../support/nodes.ts';
import { waitFor } from '../support/processes.ts';
import { findings, openBrowser, openWindow } from './browser.ts';

const edges = suite('edges of the page');

const LIMIT_MS = 20_000;
const file = chromiumFile();
const test = file === null ? edges.skip : edges;
if (file === null) process.stdout.write(`${NO_CHROMIUM}\n`);

const JSON_TYPE = { 'Content-Type': 'application/json' };
const put = async (url: string, key: string, body: object, token?: string): Promise<void> => {
  const answer = await fetch(`${url}/cache/${encodeURIComponent(key)}`, {
    method: 'PUT',
    headers: {
      ...JSON_TYPE,
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  assert.is(answer.status, 200, await answer.text());
};

test('the page asks for a token, says what is wrong with one, and keeps it in its tab alone', async () => {
  await using ends = new AsyncDisposableStack();
  const all = makeToken(['read', 'write', 'watch', 'metrics', 'log']);
  const reader = makeToken(['metrics']);
  const node = ends.use(await guardedNode([all, reader]));
  await put(node.url, 'user/1', { value: 1, version: 1 }, all.token);
  const browser = await openBrowser(file ?? '', ends);
  const { page, complaints } = await openWindow(browser);
  const dialog = page.getByRole('dialog', { name: 'This node asks for a token' });
  const give = async (token: string): Promise<void> => {
    await dialog.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
  };

  await page.goto(node.url);
  await dialog.waitFor();
  assert.equal(await findings(page), []);
  // A person who goes on without one is left in peace, and can still give one.
  await page.getByRole('button', { name: 'Go on without' }).click();
  await page.getByRole('button', { name: 'Give a token' }).waitFor();
  const asked = () => page.waitForResponse((answer) => answer.url().endsWith('/_cluster'));
  await asked();
  await asked();
  assert.is(await dialog.count(), 0);
  await page.getByRole('button', { name: 'Give a token' }).click();

  await give(`${all.token.slice(0, -1)}x`);
  await dialog
    .getByRole('alert')
    .filter({ hasText: /^The token / })
    .waitFor();
  await give(reader.token);
  await page.getByText('all is well').waitFor();
  await page.keyboard.press('2');
  await page.getByRole('alert').filter({ hasText: 'lacks the scope' }).first().waitFor();

  await page.getByRole('button', { name: 'Forget token' }).click();
  await dialog.waitFor();
  await give(all.token);
  await page.getByText('user/', { exact: true }).waitFor();
  await page.reload();
  await page.getByText('user/', { exact: true }).waitFor();
  const { page: other } = await openWindow(browser);
  await other.goto(node.url);
  await other.getByRole('dialog').waitFor();
  const stored: unknown = await page.evaluate('[localStorage.length, document.cookie]');
  assert.equal(stored, [0, '']);
  assert.equal(complaints, []);
});

test('a part of a log that can not be read is named, as the command line names it', async () => {
  await using ends = new AsyncDisposableStack();
  const node = ends.use(await guardedNode(null));
  await put(node.url, 'a', { value: 1, version: 1 });
  const { page } = await openWindow(await openBrowser(file ?? '', ends));
  const fault = { afterLsn: 4, upToLsn: 9, message: 'the page is torn' };
  await page.route('**/_log/rows?*', async (route) => {
    const answer = await route.fetch();
    const lines = (await answer.text()).trimEnd().split('\n');
    const last = { ...JSON.parse(lines.pop() ?? '{}'), fault };
    await route.fulfill({
      response: answer,
      body: `${[...lines, JSON.stringify(last)].join('\n')}\n`,
    });
  });
  const sentence = 'lsn 5 to 9 could not be read: the page is torn.';
  await page.goto(`${node.url}/#/history?key=a`);
  await page.getByRole('alert').filter({ hasText: sentence }).waitFor();
  await page.getByText('Every op: 1').waitFor();
  await page.goto(`${node.url}/#/time`);
  await page.getByRole('button', { name: '1 d ago' }).click();
  await page.getByRole('alert').filter({ hasText: sentence }).waitFor();
  await page.getByText('0 keys then, 1 now').waitFor();
});

test('a view whose first read failed reads again by itself', async () => {
  await using ends = new AsyncDisposableStack();
  const node = ends.use(await guardedNode(null));
  await put(node.url, 'a', { value: 'here', version: 1 });
  const { page } = await openWindow(await openBrowser(file ?? '', ends));
  let failures = 0;
  await page.route(
    (url) => url.pathname === '/cache' || url.pathname === '/cache/a',
    (route) => (failures++ < 4 ? route.abort() : route.fallback()),
  );
  await page.goto(`${node.url}/#/keys?key=a`);
  await page.getByRole('alert').filter({ hasText: 'does not answer' }).first().waitFor();
  await page.locator('[role=treeitem]', { hasText: /^\s*a$/ }).waitFor();
  await page.locator('pre.value', { hasText: 'here' }).waitFor();
  assert.is(await page.getByRole('alert').count(), 0);
});

test('a link that is cut is drawn as cut, and heals', async () => {
  await using ends = new AsyncDisposableStack();
  const links = ends.use(await Links.open(3));
  const cluster = ends.use(
    await startCluster({
      environment: { ALLOWED_ORIGINS: '*' },
      environmentOf: (index, urls) => links.settingsOf(index, urls),
    }),
  );
  await waitForConvergence(cluster.nodes, LIMIT_MS);
  const { page } = await openWindow(await openBrowser(file ?? '', ends));
  await page.goto(cluster.node(0).url);
  await page.getByText('all agree').waitFor();
  // The page reaches each node through links of the first.
  links.divide([
    [0, 1],
    [0, 2],
  ]);
  await page.getByText('1 link cut').waitFor();
  await page.locator('.links li', { hasText: 'node2 – node3: cut' }).waitFor();
  assert.is(await page.locator('.mesh .link.cut').count(), 1);
  assert.is(await page.locator('.mesh .scissors').count(), 1);
  assert.equal(await findings(page), []);
  links.divide([[0, 1, 2]]);
  await page.getByText('all agree').waitFor();
  await waitFor(
    async () => (await page.locator('.mesh .link.cut').count()) === 0,
    LIMIT_MS,
    'the link is whole again',
  );
});

/** One pixel, red. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==',
  'base64',
);

test('raw bytes are shown by their type, saved and replaced as a file; a touch is seen at once', async () => {
  await using ends = new AsyncDisposableStack();
  const node = ends.use(await guardedNode(null));
  const url = `${node.url}/cache/pictures%2Fpixel`;
  const headers = { 'Content-Type': 'image/png', 'Hearsay-Version': '1' };
  assert.is((await fetch(url, { method: 'PUT', headers, body: PIXEL })).status, 200);
  const { page, complaints, hosts } = await openWindow(await openBrowser(file ?? '', ends));
  await page.goto(`${node.url}/#/keys?key=pictures%2Fpixel`);
  const facts = page.locator('section[aria-label=Entry] dl').first();
  await facts.getByText('image/png').waitFor();
  await facts.getByText(`${PIXEL.length} B`).waitFor();
  await waitFor(
    async () => (await page.evaluate('document.querySelector(".picture img")?.naturalWidth')) === 1,
    LIMIT_MS,
    'the picture is drawn',
  );
  assert.equal(await findings(page), []);
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download pixel.png' }).click(),
  ]);
  assert.is(saved.suggestedFilename(), 'pixel.png');
  assert.equal(readFileSync(await saved.path()), PIXEL);

  // A touch by another program shows the new time left.
  await facts.getByText('no end').waitFor();
  const touch = { method: 'POST', headers: JSON_TYPE, body: '{"ttl_ms":864000000}' };
  assert.is((await fetch(`${url}/touch`, touch)).status, 200);
  await facts.getByText('9 d 23 h').waitFor();

  await page.getByRole('button', { name: 'Edit' }).click();
  assert.equal(await findings(page), []);
  const text = { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('gruß') };
  await page.getByLabel('File', { exact: true }).setInputFiles(text);
  await page.getByText('5 B are written').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('pre.value', { hasText: 'gruß' }).waitFor();
  const answer = await fetch(url);
  assert.is(answer.headers.get('content-type'), 'text/plain');
  assert.is(await answer.text(), 'gruß');

  await page.getByRole('link', { name: 'History' }).click();
  await page.getByText('Every op: 3').waitFor();
  await page.locator('.timeline li', { hasText: 'Touch, version 1' }).waitFor();
  await page.locator('.diff ins', { hasText: 'gruß' }).waitFor();
  assert.equal(await findings(page), []);
  assert.equal(complaints, []);
  assert.equal([...hosts], [new URL(node.url).origin]);
});

test('numbers and times are those of the reader, with UTC beside them', async () => {
  await using ends = new AsyncDisposableStack();
  const node = ends.use(await guardedNode(null));
  await put(node.url, 'a', { value: 'x'.repeat(1500), version: 12_345, ttl_ms: 10 * 86_400_000 });
  const browser = await openBrowser(file ?? '', ends);
  const shown = async (locale: string, timezoneId: string): Promise<string> => {
    const { page } = await openWindow(browser, { locale, timezoneId });
    await page.goto(`${node.url}/#/keys?key=a`);
    await page.locator('pre.value').waitFor();
    const text = await page.locator('section[aria-label=Entry] dl').first().textContent();
    await page.context().close();
    return (text ?? '').replaceAll(/\s+/g, ' ');
  };
  const german = await shown('de-DE', 'Asia/Kolkata');
  assert.match(
    german,
    /Version12\.345.*1,5 KiB.*until \d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d .*\d\d:\d\d:\d\d UTC/,
  );
  const american = await shown('en-US', 'UTC');
  assert.match(
    american,
    /Version12,345.*1\.5 KiB.*until \d\d\/\d\d\/\d{4}, \d\d:\d\d:\d\d [AP]M UTC/,
  );
  assert.not.match(american, /UTC .*UTC/);
});

edges.run();
