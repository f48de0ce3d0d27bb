/** Bots compare progress, and count gaps. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BotAccount } from '../../bots/botAccount.ts';
import { FrameGaps } from '../../bots/frameGaps.ts';
import { MOST_LOST_MS, ProgressCheck } from '../../bots/progressCheck.ts';
import { serveTestEdge } from '../support/testEdge.ts';

const bots = suite('bots');

bots('a coin that was seen is missed where an instance let go of the player', () => {
  const check = new ProgressCheck();
  check.shown(3, 1000);
  check.shown(4, 1100);
  assert.match(check.found(3, null) ?? '', /3 coins are left of 4/);
  check.shown(4, 2000);
  assert.is(check.found(4, null), null);
  assert.is(check.found(0, null), null, 'each seat begins anew');
});

bots('where it died, coins of the last six seconds may be lost, and no others', () => {
  const check = new ProgressCheck();
  const diedAtMs = 100_000;
  check.shown(5, diedAtMs - MOST_LOST_MS - 1);
  check.shown(9, diedAtMs - MOST_LOST_MS + 1);
  check.shown(12, diedAtMs - 1);
  assert.match(check.found(4, diedAtMs) ?? '', /4 coins are left of 5/);
  check.shown(5, diedAtMs - MOST_LOST_MS - 1);
  for (let atMs = diedAtMs - MOST_LOST_MS + 1; atMs < diedAtMs; atMs += 100)
    check.shown(atMs, atMs);
  assert.is(check.found(5, diedAtMs), null);
});

bots('a milestone that was told is missed whenever it was told', () => {
  const check = new ProgressCheck();
  check.told(20);
  check.told(10);
  assert.match(check.found(19, 1) ?? '', /20 were told/);
  assert.is(check.found(20, 1), null);
});

bots('gaps are counted between frames of one connection', () => {
  const gaps = new FrameGaps();
  for (let at = 0; at <= 990; at += 10) gaps.frame(at);
  gaps.pause();
  gaps.frame(50_000);
  gaps.frame(50_400);
  assert.is(gaps.quantile(0.5), 10);
  assert.is(gaps.quantile(0.99), 10);
  assert.is(gaps.quantile(1), 400);
  const all = new FrameGaps();
  assert.is(all.quantile(1), 0);
  all.add(gaps);
  all.add(gaps);
  assert.is(all.quantile(1), 400);
});

bots('who may not log in at once, as too many do, logs in a little later', async () => {
  await using edge = await serveTestEdge({ rates: { allGuestsPerSecond: 1 } });
  edge.identity.handler = (_request, response) => {
    const number = edge.identity.asked.length;
    const account = { player: `p${number}`, access: 'a', refresh: 'r' };
    response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify(account));
  };
  await using accounts = new AsyncDisposableStack();
  const players = await Promise.all(
    [0, 1, 2].map(async (number) => accounts.use(await BotAccount.guest(edge.url, number)).player),
  );
  assert.equal(players.toSorted(), ['p1', 'p2', 'p3']);
  edge.identity.handler = (_request, response) => response.writeHead(500).end();
  const refusal = await BotAccount.guest(edge.url, 3).catch(String);
  assert.match(String(refusal), /answered by 500/);
});

bots.run();
