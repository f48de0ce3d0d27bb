// time limit: 600 s
/** A page that is left open for a day does not grow: the day passes by a clock of the test. */
import { fileURLToPath } from 'node:url';
import type { CDPSession, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../../scripts/bundle.ts';
import { bundlePage } from '../../scripts/bundlePage.ts';
import { chromiumFile, NO_CHROMIUM } from '../../scripts/chromium.ts';
import { PageFiles } from '../../src/http/page/pageFiles.ts';
import { openBrowser, openWindow } from './browser.ts';

const day = suite('a day with the page');

const HOUR_MS = 3_600_000;
const SIMULATED = fileURLToPath(new URL('simulatedDay.js', import.meta.url));
const BASE = 'http://node1.test';

const file = chromiumFile();
const test = file === null ? day.skip : day;
if (file === null) process.stdout.write(`${NO_CHROMIUM}\n`);

interface Passed {
  readonly asked: number;
  readonly streams: number;
  readonly ops: number;
  readonly timers: number;
}

interface Size {
  readonly heapBytes: number;
  readonly domNodes: number;
  readonly listeners: number;
}

async function sizeOf(session: CDPSession): Promise<Size> {
  for (let turn = 0; turn < 3; turn++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  return { heapBytes: usedSize, domNodes: nodes, listeners: jsEventListeners };
}

const pass = (page: Page, ms: number, stepMs: number): Promise<Passed> =>
  page.evaluate(`passTime(${ms}, ${stepMs})`);

async function openDay(view: string, ends: AsyncDisposableStack): Promise<[Page, CDPSession]> {
  const { page } = await openWindow(await openBrowser(file ?? '', ends));
  const { script } = await bundlePage();
  const files = new PageFiles({ kind: 'sources', root: ROOT });
  await page.route('**/*', async (route) => {
    const name = new URL(route.request().url()).pathname.replace('/page/', '');
    if (name === 'main.js')
      return route.fulfill({ contentType: 'text/javascript', body: Buffer.from(script) });
    const found = await files.file(name === '/' ? 'index.html' : name);
    if (found === null) return route.abort();
    return route.fulfill({ contentType: found.type, body: Buffer.from(found.bytes) });
  });
  await page.addInitScript({ path: SIMULATED });
  await page.goto(`${BASE}/#/${view}`);
  return [page, await page.context().newCDPSession(page)];
}

/** After the first hour, which fills what has a bound. */
async function assertNoGrowth(
  page: Page,
  session: CDPSession,
  view: string,
  stepMs: number,
): Promise<Passed> {
  await pass(page, HOUR_MS, stepMs);
  const first = await sizeOf(session);
  const passed = await pass(page, 23 * HOUR_MS, stepMs);
  const last = await sizeOf(session);
  const told = `${view}: ${JSON.stringify(first)} after an hour, ${JSON.stringify(last)} after a day, ${JSON.stringify(passed)}`;
  if (process.env.HEARSAY_FIGURES === '1') process.stdout.write(`${told}\n`);
  assert.ok(last.heapBytes < first.heapBytes + 1_000_000, told);
  assert.ok(last.domNodes < first.domNodes + 200, told);
  assert.ok(last.listeners < first.listeners + 20, told);
  return passed;
}

test('the cluster, which asks every two seconds', async () => {
  await using ends = new AsyncDisposableStack();
  const [page, session] = await openDay('cluster', ends);
  const { asked } = await assertNoGrowth(page, session, 'cluster', 2000);
  // Seven requests of each poll.
  assert.ok(asked > 43_000 * 7, `${asked} requests`);
  assert.is(await page.locator('.mesh .link').count(), 3);
});

day.run();
