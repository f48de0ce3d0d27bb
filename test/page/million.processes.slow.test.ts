// time limit: 300 s
/** The keys of the page over a node that holds a million: no task of the page lasts long. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chromiumFile, NO_CHROMIUM } from '../../scripts/chromium.ts';
import { patience } from '../../scripts/patience.ts';
import { startCluster } from '../support/nodes.ts';
import { longestTaskMs, openBrowser, openWindow } from './browser.ts';

const million = suite('a million keys in the page');

const KEYS = 1_000_000;
const BATCH = 1000;
const WRITERS = 3;
/** On an idle machine a task takes some 50 ms at most. */
const LONGEST_TASK_MS = 200;

const file = chromiumFile();
const test = file === null ? million.skip : million;
if (file === null) process.stdout.write(`${NO_CHROMIUM}\n`);

/** A thousand folders of a thousand keys. */
async function fill(url: string): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < KEYS) {
      const from = next;
      next += BATCH;
      const ops = Array.from({ length: BATCH }, (_, index) => {
        const key = `many/${from / BATCH}/${from + index}`;
        return { op: 'put', key, value: from + index, version: 1 };
      });
      const headers = { 'Content-Type': 'application/json' };
      const body = JSON.stringify({ ops });
      const answer = await fetch(`${url}/cache`, { method: 'POST', headers, body });
      assert.is(answer.status, 200, await answer.text());
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}

test('a tree of a million keys opens, pages and is searched without a stall', async () => {
  await using ends = new AsyncDisposableStack();
  const cluster = ends.use(await startCluster({ nodes: 1, environment: { DURABILITY: 'normal' } }));
  const { url } = cluster.node(0);
  await fill(url);
  const { page, complaints } = await openWindow(await openBrowser(file ?? '', ends));
  const row = (text: RegExp) => page.locator('[role=treeitem]', { hasText: text });
  const longest: Record<string, number> = {};
  const took = async (act: string): Promise<void> => {
    longest[act] = await longestTaskMs(page);
  };
  await page.goto(`${url}/#/keys`);
  await row(/many\//).waitFor();
  await took('open');
  await row(/many\//).click();
  await row(/^\W*999\/$|^\W*1\/$/)
    .first()
    .waitFor();
  await took('a folder of a thousand');
  await row(/^\W*10\/$/).click();
  await row(/^\s*10000$/).waitFor();
  await took('a folder in it');
  for (const shown of [200, 300, 400]) {
    await page.locator('[role=treeitem]', { hasText: 'more' }).last().click();
    await page.locator(`[role=treeitem]:nth-child(${shown})`).waitFor();
  }
  await took('more of it');
  await page.locator('[role=tree]').focus();
  for (const key of ['End', 'Home', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
  await took('the keyboard');
  await page.fill('input[type=search]', 'many/777/');
  await row(/^\s*777000$/).waitFor();
  await took('a search');
  await page.locator('select[value], .bar select').first().selectOption('');
  await row(/777000$/).waitFor();
  await took('without folders');
  const told = JSON.stringify(longest);
  if (process.env.HEARSAY_FIGURES === '1') process.stdout.write(`longest tasks in ms: ${told}\n`);
  for (const ms of Object.values(longest)) assert.ok(ms < LONGEST_TASK_MS * patience(), told);
  assert.equal(complaints, []);
});

million.run();
