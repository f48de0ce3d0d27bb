/** The page in a real Chromium, as tests look at it. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { launchChromium } from '../../scripts/chromium.ts';
import { patience } from '../../scripts/patience.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PICTURES = fileURLToPath(new URL('../../docs/page/', import.meta.url));
export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 360, height: 740 };
/** The pictures of docs/page.md. */
const SHOWN: ReadonlySet<string> = new Set([
  'killed-light-1280',
  'history-light-1280',
  'conflict-light-1280',
  'keys-dark-360',
]);
/** Browsers write these by themselves where a node is gone, or where an answer tells of a conflict or an absent key. */
const OF_A_BROWSER = /^Failed to load resource:/;

/** Collects what moves without the reader's doing, and tasks that make the page wait (Layout Instability, Long Tasks). */
/** A number at the right of its column begins further left once it is longer: 0.0001 in these pages. */
const LEAST_MOVE = 0.001;
/** Two polls of the page. */
const IDLE_MS = 5000;

const OBSERVER = `
  window.moved = [];
  window.longestTaskMs = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries())
      if (!hadRecentInput && value >= ${LEAST_MOVE})
        window.moved.push(value.toFixed(4) + ' ' + sources.map(({ node, previousRect, currentRect }) =>
          (node?.outerHTML ?? node?.textContent ?? '').slice(0, 80) + ' ' + [previousRect.x, previousRect.y] + ' to ' + [currentRect.x, currentRect.y]).join('; '));
  }).observe({ type: 'layout-shift', buffered: true });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries())
      window.longestTaskMs = Math.max(window.longestTaskMs, duration);
  }).observe({ type: 'longtask', buffered: true });
`;

export interface Seen {
  readonly page: Page;
  /** Warnings and errors of the page. */
  readonly complaints: readonly string[];
  /** Web origins that it has asked. */
  readonly hosts: ReadonlySet<string>;
}

/** A new window. It ends with its browser. */
export async function openWindow(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Seen> {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  context.setDefaultTimeout(20_000 * patience());
  await context.addInitScript(OBSERVER);
  const page = await context.newPage();
  const complaints: string[] = [];
  const hosts = new Set<string>();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !OF_A_BROWSER.test(message.text()))
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (asked) => {
    if (!asked.url().startsWith('data:') && !asked.url().startsWith('blob:'))
      hosts.add(new URL(asked.url()).origin);
  });
  return { page, complaints, hosts };
}

/** @param file of `chromiumFile`. */
export async function openBrowser(file: string, ends: AsyncDisposableStack): Promise<Browser> {
  const browser = await launchChromium(file);
  ends.defer(() => browser.close());
  return browser;
}

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

export async function findings(page: Page): Promise<string[]> {
  const violations: Finding[] = await page.evaluate(
    `${AXE}; axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`),
  );
}

/**
 * Nothing has moved by itself since the page was loaded, or since the last look. To be asked where nobody has clicked or
 * typed in that time: on a busy machine, what an input moves comes too late to be known for it.
 */
export async function assertNothingMoved(page: Page, when: string): Promise<void> {
  const moved: string[] = await page.evaluate('window.moved.splice(0)');
  assert.equal(moved, [], `${when}: something moved`);
}

/** In milliseconds, since the last look. */
export async function longestTaskMs(page: Page): Promise<number> {
  const longest: number = await page.evaluate(
    '((longest) => ((window.longestTaskMs = 0), longest))(window.longestTaskMs)',
  );
  return longest;
}

/**
 * In light and dark, wide and narrow: axe finds nothing, and nothing is wider than the window. With
 * HEARSAY_PICTURES=1 it makes the pictures of docs/page.md; with HEARSAY_PICTURES=FOLDER one of each look, in that folder.
 */
export async function look(page: Page, view: string): Promise<void> {
  await page.evaluate('window.moved.splice(0)');
  await wait(IDLE_MS);
  await assertNothingMoved(page, view);
  for (const colorScheme of ['light', 'dark'] as const)
    for (const size of [WIDE, NARROW]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      const name = `${view}-${colorScheme}-${size.width}`;
      assert.equal(await findings(page), [], name);
      const width: number = await page.evaluate('document.documentElement.scrollWidth');
      assert.ok(width <= size.width, `${name} is ${width} pixels wide`);
      const { HEARSAY_PICTURES: wanted = '' } = process.env;
      if (wanted === '1' && SHOWN.has(name))
        await page.screenshot({ path: `${PICTURES}${name}.png` });
      else if (wanted !== '' && wanted !== '1')
        await page.screenshot({ path: `${wanted}/${name}.png`, fullPage: true });
    }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(WIDE);
  // Another width moves things, by the reader's doing.
  await page.evaluate('window.moved.splice(0)');
}
