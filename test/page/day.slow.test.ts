// time limit: 600 s
/**
 * A page that is left open for a day neither grows nor loses its stream. The day passes by a clock of the test, in turns of
 * minutes: the growth of a turn is taken for that of each poll, or stream, of a day.
 */
import { fileURLToPath } from 'node:url';
import type { CDPSession, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { ROOT } from '../../scripts/bundle.ts';
import { bundlePage } from '../../scripts/bundlePage.ts';
import { chromiumFile, NO_CHROMIUM } from '../../scripts/chromium.ts';
import { PageFiles } from '../../src/http/page/pageFiles.ts';
import { waitFor } from '../support/processes.ts';
import { openBrowser, openWindow } from './browser.ts';

const day = suite('a day with the page');

const DAY_MS = 24 * 3_600_000;
/** The page asks for the cluster every two seconds. */
const POLLS_OF_DAY = DAY_MS / 2000;
/** A bad day: a stream lives for half a minute on average. */
const STREAMS_OF_DAY = DAY_MS / 30_000;
const SIMULATED = fileURLToPath(new URL('simulatedDay.js', import.meta.url));
const BASE = 'http://node1.test';

const file = chromiumFile();
const test = file === null ? day.skip : day;
if (file === null) process.stdout.write(`${NO_CHROMIUM}\n`);

const passedSchema = z.object({
  asked: z.number(),
  streams: z.number(),
  ops: z.number(),
  timers: z.number(),
});
type Passed = z.output<typeof passedSchema>;

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

const pass = async (page: Page, ms: number, turnMs: number): Promise<Passed> =>
  passedSchema.parse(await page.evaluate(`passTime(${ms}, ${turnMs})`));

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

/** The first of them fill all that has a bound, and the browser compiles what runs often. */
const SAMPLES = 9;
const WARM_SAMPLES = 3;
const MOST_GROWTH_BYTES = 10_000_000;

const least = (sizes: readonly Size[], name: keyof Size): number =>
  Math.min(...sizes.map((size) => size[name]));

/**
 * @param turnMs the day passes in turns of this length; the page polls once in each, or opens a stream.
 * @param timesOfDay how often it does so in a day.
 */
async function assertNoGrowth(
  page: Page,
  session: CDPSession,
  view: string,
  turnMs: number,
  timesOfDay: number,
): Promise<Passed> {
  const turns = Math.round(DAY_MS / SAMPLES / turnMs);
  const sizes: Size[] = [];
  let passed = await pass(page, turnMs, turnMs);
  for (let sample = 0; sample < SAMPLES; sample++) {
    passed = await pass(page, turns * turnMs, turnMs);
    sizes.push(await sizeOf(session));
  }
  // The heap sways: the least of several sizes is compared with the least of as many later ones.
  const half = (SAMPLES - WARM_SAMPLES) / 2;
  const [first, last] = [sizes.slice(WARM_SAMPLES, -half), sizes.slice(-half)];
  const grown = (name: keyof Size): number => least(last, name) - least(first, name);
  const growthBytes = (grown('heapBytes') / (half * turns)) * timesOfDay;
  const told = `${view}: ${JSON.stringify(sizes)}, ${JSON.stringify(passed)}: ${Math.round(growthBytes)} bytes in a day`;
  if (process.env.HEARSAY_FIGURES === '1') process.stdout.write(`${told}\n`);
  assert.ok(growthBytes < MOST_GROWTH_BYTES, told);
  assert.ok(grown('domNodes') < 100, told);
  assert.ok(grown('listeners') < 10, told);
  return passed;
}

test('the cluster, which asks every two seconds', async () => {
  await using ends = new AsyncDisposableStack();
  const [page, session] = await openDay('cluster', ends);
  const turnMs = 80_000;
  const { asked } = await assertNoGrowth(page, session, 'cluster', turnMs, POLLS_OF_DAY);
  // Seven requests of each poll.
  assert.ok(asked >= (DAY_MS / turnMs) * 7, `${asked} requests`);
  assert.is(await page.locator('.mesh .link').count(), 3);
});

test('the live log, whose streams end with their nodes, and lose no op', async () => {
  await using ends = new AsyncDisposableStack();
  const [page, session] = await openDay('live', ends);
  const { streams } = await assertNoGrowth(page, session, 'live', 240_000, STREAMS_OF_DAY);
  assert.ok(streams > 100, `${streams} streams`);
  await waitFor(
    async () => {
      const { ops } = await pass(page, 5000, 5000);
      const told = (await page.getByText('ops since this view was opened').textContent()) ?? '';
      return Number(/^[\d,]+/.exec(told)?.[0].replaceAll(',', '')) === ops;
    },
    5000,
    'it has told every op once',
  );
});

day.run();
