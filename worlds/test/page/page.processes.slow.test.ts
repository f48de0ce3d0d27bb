// time limit: 240 s
// The page in a real Chromium: from login to play, a killed world, and back in play by itself.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chromiumFile, launchChromium, NO_CHROMIUM } from '../../../scripts/chromium.ts';
import { patience } from '../../../scripts/patience.ts';
import { waitFor } from '../../../test/support/processes.ts';
import { RunningRegions } from '../support/runningRegions.ts';
import { TestPlayer } from '../support/testPlayer.ts';

const page = suite('page');

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };
/** A browser writes this into its console by itself when a world is gone, or has no seat at the moment. */
const OF_A_KILLED_WORLD =
  /^(WebSocket connection to 'ws:|Failed to load resource: .*\b(409|503)\b)/;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Set, it keeps pictures of each screen there. */
const { WORLDS_PICTURES } = process.env;

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** The rules of axe that the page breaks, as it is now. */
async function findings(browserPage: Page): Promise<string[]> {
  await browserPage.evaluate(AXE);
  const violations: Finding[] = await browserPage.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`),
  );
}

/** In light and dark, wide and narrow: axe finds nothing, and nothing is wider than the window. */
async function look(browserPage: Page, screen: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const size of [WIDE, NARROW]) {
      await browserPage.emulateMedia({ colorScheme });
      await browserPage.setViewportSize(size);
      const name = `${screen}-${colorScheme}-${size.width}`;
      if (WORLDS_PICTURES !== undefined)
        await browserPage.screenshot({ path: join(WORLDS_PICTURES, `${name}.png`) });
      assert.equal(await findings(browserPage), [], name);
      const width: number = await browserPage.evaluate('document.documentElement.scrollWidth');
      assert.ok(width <= size.width, `${name} is ${width} pixels wide`);
    }
  await browserPage.emulateMedia({ colorScheme: 'light' });
  await browserPage.setViewportSize(WIDE);
}

const file = chromiumFile();
const test = file === null ? page.skip : page;
if (file === null) process.stdout.write(`${NO_CHROMIUM}\n`);

test('a person logs in, plays, loses the world, and is back in play by himself', async () => {
  await using ends = new AsyncDisposableStack();
  const regions = ends.use(await RunningRegions.start());
  const { edgeUrl, plan } = regions;
  const { apiUrl } = regions.region('eu');
  const browser = await launchChromium(file ?? '');
  ends.defer(() => browser.close());
  const context = await browser.newContext({ viewport: WIDE });
  context.setDefaultTimeout(20_000 * patience());
  const seen = await context.newPage();
  const complaints: string[] = [];
  const hosts = new Set<string>();
  seen.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  seen.on('pageerror', (error) => complaints.push(String(error)));
  seen.on('request', (asked) => hosts.add(new URL(asked.url()).host));
  seen.on('websocket', (socket) => hosts.add(new URL(socket.url()).hostname));
  const news = async (): Promise<string> => (await seen.textContent('#news')) ?? '';

  // Login.
  await seen.goto(edgeUrl);
  await seen.waitForSelector('#guest');
  await look(seen, 'login');
  await seen.click('#guest');

  // The lobby is live: the worlds come, and the regions are measured.
  await seen.waitForSelector('.world >> nth=1');
  await seen.locator('.latency', { hasText: 'ms' }).first().waitFor();
  await look(seen, 'lobby');

  // Play: another player sees the figure walk where the keys say.
  // Each region has a meadow, and the nearest region stands first. A world that is still starting refuses.
  const region = seen.locator('section', { hasText: 'Region eu' }).last();
  const joinButton = region.locator('.world[data-map=meadow] .join').first();
  await joinButton.click();
  await waitFor(
    async () => {
      if (/is starting: try again/.test(await news())) await joinButton.click();
      return /You are in The meadow \(eu\)\./.test(await news());
    },
    20_000,
    'in play in the meadow of eu',
  );
  await seen.waitForSelector('[data-screen=play]');
  const access = await guestAccess(plan.identityUrl);
  const watching = async (world: string, of = 'eu'): Promise<TestPlayer> => {
    const seats: { playUrl: string; seatToken: string }[] = [];
    // An api may not have heard yet of a world that has just begun.
    const isJoined = async (): Promise<boolean> => {
      const joined = await fetch(`${apiUrl}/worlds/${of}/${world}/join`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${access}`, 'Idempotency-Key': crypto.randomUUID() },
      });
      const answer = (await joined.json()) as { playUrl: string; seatToken: string };
      if (joined.ok) seats.push(answer);
      return joined.ok;
    };
    await waitFor(isJoined, 10_000, 'a seat');
    const { playUrl = '', seatToken = '' } = seats[0] ?? {};
    return new TestPlayer(playUrl, seatToken).settled();
  };
  const shownTo = (by: TestPlayer) => [...by.view.figures.values()].find(([id]) => id !== by.you);
  const walks = async (by: TestPlayer, key: string, axis: 1 | 2): Promise<void> => {
    const place = (): number => shownTo(by)?.[axis] ?? Number.NaN;
    await waitFor(() => !Number.isNaN(place()), 10_000, 'the figure is seen');
    const before = place();
    await seen.keyboard.down(key);
    await waitFor(() => Math.abs(place() - before) > 50, 10_000, `the figure walks by ${key}`);
    await seen.keyboard.up(key);
    let last = Number.NaN;
    await waitFor(
      () => {
        const stands = place() === last;
        last = place();
        return stands;
      },
      10_000,
      'the figure stands',
    );
  };
  {
    using other = await watching('meadow');
    // From one side of the map to the other, whichever side it stands at.
    await waitFor(() => shownTo(other) !== undefined, 10_000, 'the figure is seen');
    const [, x = 0] = shownTo(other) ?? [];
    await walks(other, x < 600 ? 'ArrowRight' : 'KeyA', 1);
    await look(seen, 'play');
  }

  // The world is killed: back in play without a click.
  const killed = pidOf(regions, 'meadow');
  const lostAtMs = performance.now();
  process.kill(killed, 'SIGKILL');
  await waitFor(async () => /You are back/.test(await news()), 20_000, 'back in play');
  const backMs = performance.now() - lostAtMs;
  process.stdout.write(`${await news()} As seen from outside: ${Math.round(backMs)} ms.\n`);
  assert.is(await seen.getAttribute('html', 'data-connection'), 'up');
  assert.ok(backMs <= 5000 * patience(), `${backMs} ms`);
  const unexpected = complaints.filter((text) => !OF_A_KILLED_WORLD.test(text));
  assert.equal(unexpected, []);
  complaints.length = 0;
  {
    const name = (await seen.textContent('#place')) ?? '';
    // Any other world may have been the fullest, in either region.
    using other = await watching(
      name.includes('harbour') ? 'harbour' : 'meadow',
      name.includes('(us)') ? 'us' : 'eu',
    );
    await waitFor(() => shownTo(other) !== undefined, 10_000, 'the figure is seen');
    const [, , y = 0] = shownTo(other) ?? [];
    await walks(other, y < 300 ? 'ArrowDown' : 'KeyW', 2);
  }

  // Another world by a click; the list says where he is.
  await waitFor(
    async () => {
      const headers = { Authorization: `Bearer ${access}` };
      const listed = await (await fetch(`${apiUrl}/worlds?open=true`, { headers })).text();
      return !listed.includes('eu-meadow-1-1') && listed.includes('eu-meadow-1-');
    },
    20_000,
    'the slot is filled again',
  );
  await seen.click('.world .join:enabled');
  await waitFor(async () => /^You are in /.test(await news()), 5000, 'in the other world');

  // He comes back after a reload, leaves, and logs out.
  await seen.reload();
  await seen.waitForSelector('[data-screen=lobby]');
  await seen.click('#any');
  await seen.waitForSelector('[data-screen=play]');
  await seen.click('#leave');
  await seen.waitForSelector('[data-screen=lobby]');
  assert.match(await news(), /left the world/);
  await seen.click('.menu summary');
  await seen.click('#logout');
  await seen.waitForSelector('[data-screen=login]');
  await seen.reload();
  await seen.waitForSelector('#guest');

  assert.equal(complaints, [], 'the console is clean');
  assert.equal([...hosts].sort(), ['127.0.0.1', new URL(edgeUrl).host]);
});

async function guestAccess(url: string): Promise<string> {
  const guest = await fetch(`${url}/identity/guests`, { method: 'POST' });
  return ((await guest.json()) as { access: string }).access;
}

/** @returns the pid of the world's process in its first slot. */
function pidOf(regions: RunningRegions, world: string): number {
  const found = regions.slots('eu').find((slot) => slot.world === world && slot.process !== null);
  if (found?.process == null) throw new Error(`No process runs ${world}.`);
  return found.process.pid;
}

page.run();
