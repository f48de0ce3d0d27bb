/** The page in a real Chromium over one node of this process: it opens, and the keyboard alone does all. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chromiumFile, NO_CHROMIUM } from '../../scripts/chromium.ts';
import { patience } from '../../scripts/patience.ts';
import { guardedNode } from '../http/access/guardedNode.ts';
import { assertNothingMoved, findings, longestTaskMs, openBrowser, openWindow } from './browser.ts';

const smoke = suite('page at a glance');

const file = chromiumFile();
const test = file === null ? smoke.skip : smoke;
if (file === null) process.stdout.write(`${NO_CHROMIUM}\n`);

test('a person without a mouse writes a key, reads it, finds its history, and deletes it', async () => {
  await using ends = new AsyncDisposableStack();
  const node = ends.use(await guardedNode(null));
  const { page, complaints, hosts } = await openWindow(await openBrowser(file ?? '', ends));
  const press = (...keys: string[]) =>
    keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const type = (text: string) => page.keyboard.type(text);
  const focused = (): Promise<string> =>
    page.evaluate(
      'document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent',
    );
  const labelled = (): Promise<string> =>
    page.evaluate('document.activeElement.labels?.[0]?.textContent ?? ""');
  const tabTo = async (name: string): Promise<void> => {
    for (let tries = 0; (await focused()) !== name; tries++) {
      assert.ok(tries < 40, `Tab comes to ${name}`);
      await press('Tab');
    }
  };
  /** Only once it is drawn: a link of the navigation has the same name, and Tab would come to that first. */
  const tabToTree = async (): Promise<void> => {
    await page.getByRole('tree', { name: 'Keys' }).waitFor();
    await tabTo('Keys');
    assert.is(await page.evaluate('document.activeElement.role'), 'tree');
  };

  const tabBackTo = async (name: string): Promise<void> => {
    for (let tries = 0; !(await labelled()).startsWith(name); tries++) {
      assert.ok(tries < 40, `Shift+Tab comes to ${name}`);
      await press('Shift+Tab');
    }
  };

  await page.goto(node.url);
  await page.getByText('all is well').waitFor();
  await assertNothingMoved(page, 'cluster');
  await press('?');
  await page.getByRole('dialog').waitFor();
  await press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });

  await press('2');
  await page.getByText('The cache is empty').waitFor();
  await tabTo('New key');
  await press('Enter', 'Tab', 'Tab');
  await tabTo('Save');
  await press('Shift+Tab', 'Shift+Tab', 'Control+a');
  await type('{"name":"Ada"}');
  await tabBackTo('Key');
  await type('user/1');
  await tabTo('Save');
  await press('Enter');
  await page.locator('pre.value', { hasText: 'Ada' }).waitFor();
  await page.locator('[role=treeitem]', { hasText: 'user/' }).waitFor();

  await press('/');
  assert.is(await focused(), 'Keys that begin with');
  await tabToTree();
  await press('ArrowRight');
  await page.locator('[role=treeitem][aria-level="2"]').waitFor();
  await press('ArrowDown', 'Enter');
  await page.locator('[role=treeitem][aria-selected=true]').waitFor();
  assert.equal(await findings(page), []);
  await tabTo('History');
  await press('Enter');
  await page.getByText('Every op: 1').waitFor();
  await tabTo('The moment');
  await press('Home');
  await page.getByText('before the first change').first().waitFor();
  await press('End');
  await page.getByText('change 1 of 1').first().waitFor();
  await tabTo('Change before');
  await press('Enter');
  await page.locator('pre.value', { hasText: 'Ada' }).first().waitFor();

  await press('2');
  await tabToTree();
  await press('Delete');
  await page.getByText('1 key would be deleted').waitFor();
  await tabTo('Delete 1 key');
  await press('Enter');
  await page.getByText('Deleted: 1 key.').waitFor();
  await tabTo('Close');
  await press('Enter');
  await page.getByText('The cache is empty').waitFor();

  assert.equal(complaints, []);
  assert.equal([...hosts], [new URL(node.url).origin]);
  assert.ok((await longestTaskMs(page)) < 1000 * patience());
});

test('the chosen key can be read while the pointer is over it', async () => {
  await using ends = new AsyncDisposableStack();
  const { url } = ends.use(await guardedNode(null));
  const headers = { 'Content-Type': 'application/json' };
  const body = '{"value":1,"version":1}';
  assert.is((await fetch(`${url}/cache/greeting`, { method: 'PUT', headers, body })).status, 200);
  const { page } = await openWindow(await openBrowser(file ?? '', ends));
  await page.goto(`${url}/#/keys`);
  await page.locator('[role=treeitem]').click();
  await page.locator('[role=treeitem][aria-selected=true]').hover();
  assert.equal(await findings(page), []);
});

smoke.run();
