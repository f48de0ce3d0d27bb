// time limit: 1800 s
/**
 * `npm run worlds` under play: each process is killed in turn, worlds are killed, stopped and sent away, a region is
 * evacuated, and players are erased. Bots come back by themselves, and tell what they have lost.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { waitFor } from '../../../test/support/processes.ts';
import { verifyAudit } from '../../access/audit.ts';
import { scrape } from '../../bench/scrape.ts';
import type { Bot } from '../../bots/bot.ts';
import { startTimeOf } from '../../fleet/systemProcesses.ts';
import { traceTree } from '../../rules/traceTree.ts';
import { linesOfTrace } from '../../run/traceCommand.ts';
import { Configurations } from '../../tables/operatorTables.ts';
import { PlayerRecords } from '../../tables/playerRecords.ts';
import { acrossRegions } from '../support/acrossRegions.ts';
import { meadow } from '../support/configurations.ts';
import { complaintsOf } from '../support/exposition.ts';
import { Lobby } from '../support/lobby.ts';
import { startProgram } from '../support/programs.ts';
import { isWhole, rounds } from '../support/rounds.ts';
import { fullestOf, playersOf, RunningRegions, within } from '../support/runningRegions.ts';
import { TestPlayer } from '../support/testPlayer.ts';

const failures = suite('failures');

const PLAYERS = isWhole ? 50 : 12;
/** So that all of one world find seats in the others. */
const SEATS = 60;
/** The world of ten seats. */
const SMALL = 'eu-small-1-1';
const STOPPED_MS = isWhole ? 20_000 : 8000;
const ERASED_AFTER_MS = 70_000;

const guestSchema = z.object({ access: z.string() });
const seatSchema = z.object({ playUrl: z.string(), seatToken: z.string() });

/** The longest times that were measured, in milliseconds; each with the limit of an idle machine. */
const figures = new Map<string, { readonly worstMs: number; readonly limitMs: number }>();

/** The limit counts as the machine is now; `worlds:soak` prints how far it was from it. */
function measured(what: string, ms: number, limitMs: number): void {
  const worstMs = Math.round(Math.max(ms, figures.get(what)?.worstMs ?? 0));
  figures.set(what, { worstMs, limitMs });
  assert.ok(ms <= within(limitMs), `${what}: ${ms} ms`);
}

/** @returns milliseconds until the condition held. */
async function timeUntil(condition: () => boolean, what: string): Promise<number> {
  const atMs = performance.now();
  await waitFor(condition, 20_000, what);
  return performance.now() - atMs;
}

failures('nobody loses a seat or a coin by the end of any process', async () => {
  await using regions = await RunningRegions.start();
  const access = async (): Promise<string> => {
    const guest = await fetch(`${regions.plan.identityUrl}/identity/guests`, { method: 'POST' });
    return guestSchema.parse(await guest.json()).access;
  };
  await giveSeats(regions);
  using lobby = new Lobby(regions.edgeUrl, access);
  await waitFor(() => lobby.isSynced && lobby.instances.length >= 5, 60_000, 'seats for all');
  await tenSeats(regions, lobby);
  const isErased = await erasures(regions);
  const bots = await regions.enter(PLAYERS);

  await acrossRegions(regions, await access());
  await metricsOfAll(regions);
  await processesInTurn(regions, bots, lobby);
  for (let round = 0; round < rounds(20); round += 1) await killedWorld(regions, bots, lobby);
  await stoppedWorld(regions, bots);
  await lateWorld(regions, bots);
  await orderlyMoves(regions, bots);

  assert.equal(
    bots.flatMap(({ faults }) => faults),
    [],
  );
  assert.ok(
    bots.some(({ coins }) => coins >= 10),
    'milestones were told',
  );
  await listsAgree(regions, lobby, await access());
  await traced(regions, await access());
  for (const { paths } of regions.plan.regions)
    assert.equal(verifyAudit(join(paths.data, 'fleet/audit')), []);
  await isErased();
  await endsWithNothingLeft(regions);
  for (const [what, { worstMs, limitMs }] of figures)
    process.stdout.write(`${what}: ${worstMs} ms at most (${limitMs})\n`);
});

/** Of fifty who ask at once for ten seats, ten get one, and the others hear that it is full. */
async function tenSeats(regions: RunningRegions, lobby: Lobby): Promise<void> {
  await using cache = await regions.cache('eu');
  const small = meadow({ maxPlayers: 10 });
  await new Configurations(cache).create('eu', 'small', small, Date.now());
  const controlUrl = (): Promise<string> => controlUrlOf(regions, SMALL);
  await waitFor(async () => (await controlUrl()) !== '', 20_000, 'the small world');
  const at = await controlUrl();
  for (let round = 0; round < rounds(5); round += 1) {
    await using bots = new AsyncDisposableStack();
    const target = { region: 'eu', world: 'small' };
    const asked = await Promise.all(
      Array.from({ length: 50 }, async (_unused, number) =>
        bots.use(await regions.enterBot({ number, world: target })),
      ),
    );
    assert.is(asked.filter(({ refusedBy }) => refusedBy === 409).length, 40);
    assert.is(asked.filter(({ refusedBy }) => refusedBy === null).length, 10);
    await waitFor(() => asked.filter(({ isInPlay }) => isInPlay).length === 10, 20_000, 'ten play');
    for (const bot of asked) bot.leave();
    await waitFor(
      async () => (await scrape(at)).total('worlds_connections') === 0,
      20_000,
      'all have left',
    );
  }
  const { version = 0 } = (await new Configurations(cache).read('eu', 'small')) ?? {};
  await new Configurations(cache).write('eu', 'small', { ...small, desired: 'stopped' }, version);
  // Who asks for any world would sit down there, and be moved a moment later.
  await waitFor(() => !lobby.instances.includes(SMALL), 20_000, 'the small world has stopped');
}

/** Each world has seats for all, and the meadow of eu two instances. */
async function giveSeats(regions: RunningRegions): Promise<void> {
  for (const { region } of regions.plan.regions) {
    await using cache = await regions.cache(region);
    const configurations = new Configurations(cache);
    for (const world of region === 'eu' ? ['meadow', 'harbour'] : ['meadow']) {
      const { configuration = null, version = 0 } =
        (await configurations.read(region, world)) ?? {};
      if (configuration === null) throw new Error(`There is no ${world}.`);
      const spareSeats = configuration.mode === 'dynamic' ? SEATS + 1 : 0;
      const more = { ...configuration, maxPlayers: SEATS, spareSeats };
      await configurations.write(region, world, more, version);
    }
  }
}

async function metricsOfAll({ plan }: RunningRegions): Promise<void> {
  const programs = [
    ...[plan.link, plan.edge, plan.identity],
    ...plan.regions.flatMap(({ services, fleet }) => [...services, fleet]),
  ];
  for (const { name, healthUrl } of programs) {
    const text = await (await fetch(new URL('/metrics', healthUrl))).text();
    assert.match(text, /^worlds_faults_total \d+$/m, name);
    assert.ok(['', null].includes(complaintsOf(text)), `${name}: ${complaintsOf(text)}`);
  }
}

/** Nobody is disconnected, and the lobby breaks only with its api, its edge, or what it asks by. */
async function processesInTurn(
  regions: RunningRegions,
  bots: readonly Bot[],
  lobby: Lobby,
): Promise<void> {
  const { link, edge, identity, regions: both } = regions.plan;
  const [eu, us] = both.map(({ services, fleet, nodes }) => [...services, fleet, ...nodes]);
  const returns = () => bots.flatMap((bot) => bot.returns);
  const before = returns().length;
  for (const program of [identity, link, ...(eu ?? []), ...(isWhole ? (us ?? []) : []), edge]) {
    const { breaks } = lobby;
    const { name, awayMs } = await regions.kill(program);
    measured(`${name} is back`, awayMs, 3000);
    assert.is(returns().length, before, `a player was disconnected while ${name} was away`);
    assert.ok(bots.every(({ isInPlay }) => isInPlay));
    if (name !== 'api' && name !== 'edge') assert.is(lobby.breaks, breaks, `the lobby, by ${name}`);
    measured(
      `the lobby is current after ${name}`,
      await timeUntil(() => lobby.isSynced, 'lobby'),
      6000,
    );
  }
  assert.equal(lobby.repeats, []);
}

async function killedWorld(
  regions: RunningRegions,
  bots: readonly Bot[],
  lobby: Lobby,
): Promise<void> {
  const instance = fullestOf(bots);
  const { slot, world, epoch } = regions.slotOf(instance) ?? { slot: 0, world: '', epoch: 0 };
  const victims = playersOf(bots, instance);
  const before = new Map(victims.map((bot) => [bot, bot.returns.length]));
  process.kill(regions.pidOf(instance), 'SIGKILL');
  const next = `${instance.split('-')[0]}-${world}-${slot}-${epoch + 1}`;
  const [unlistedMs, refilledMs] = await Promise.all([
    timeUntil(() => !lobby.instances.includes(instance), 'it is unlisted'),
    timeUntil(() => lobby.instances.includes(next), 'the slot is filled again'),
    timeUntil(() => victims.every((bot) => isElsewhere(bot, instance)), 'all sit elsewhere'),
  ]);
  measured('a killed world is unlisted', unlistedMs, 6500);
  measured('its slot is filled again', refilledMs, 3000);
  const backMs = victims
    .flatMap((bot) => bot.returns.slice(before.get(bot)).map(({ afterMs }) => afterMs))
    .toSorted((a, b) => a - b);
  measured(
    'its players sit elsewhere, p99',
    backMs[Math.ceil(backMs.length * 0.99) - 1] ?? 0,
    5000,
  );
}

const isElsewhere = (bot: Bot, instance: string): boolean =>
  bot.isInPlay && bot.instance !== instance;

/** A process that hangs is killed before it can save anything, and its slot is filled. */
async function stoppedWorld(regions: RunningRegions, bots: readonly Bot[]): Promise<void> {
  const instance = fullestOf(bots);
  const victims = playersOf(bots, instance);
  const pid = regions.pidOf(instance);
  process.kill(pid, 'SIGSTOP');
  const elsewhereMs = await timeUntil(
    () => victims.every((bot) => isElsewhere(bot, instance)),
    'the players of a stopped world sit elsewhere',
  );
  measured('players of a stopped world sit elsewhere', elsewhereMs, 10_000);
  await waitFor(() => startTimeOf(pid) === null, 20_000, 'the stopped process has ended');
  await waitFor(() => regions.slotOf(instance) === undefined, 20_000, 'its slot is filled again');
}

/** Nobody kills it, as its fleet is stopped too: it goes on, and none of its late saves counts. */
async function lateWorld(regions: RunningRegions, bots: readonly Bot[]): Promise<void> {
  const instance = fullestOf(bots);
  const victims = playersOf(bots, instance);
  const [region = ''] = instance.split('-');
  const { fleet } = regions.region(region);
  const pids = [regions.pidOf(instance), regions.pidOfProgram(fleet)];
  await using cache = await regions.cache(region);
  const records = new PlayerRecords(cache);
  const controlUrl = await controlUrlOf(regions, instance);
  const before = await scrape(controlUrl);
  const stoppedAtMs = performance.now();
  for (const pid of pids.toReversed()) process.kill(pid, 'SIGSTOP');
  await waitFor(
    () => victims.every((bot) => isElsewhere(bot, instance)),
    30_000,
    'all sit elsewhere',
  );
  const claimed = await Promise.all(
    victims.map(async ({ account }) => (await records.read(account.player)).version ?? 0),
  );
  await wait(Math.max(0, STOPPED_MS - (performance.now() - stoppedAtMs)));
  process.kill(pids[0] ?? 0, 'SIGCONT');
  await waitFor(
    async () => {
      const after = await scrape(controlUrl);
      const grown = (name: string): number => after.total(name) - before.total(name);
      return grown('worlds_displaced_total') > 0 && after.total('worlds_connections') === 0;
    },
    30_000,
    'it hears that it has lost its players',
  );
  for (const [at, { account }] of victims.entries()) {
    const { record, version } = await records.read(account.player);
    assert.is.not(record?.instance, instance, 'a late save has won');
    assert.ok((version ?? 0) >= (claimed[at] ?? 0));
  }
  process.kill(pids[1] ?? 0, 'SIGCONT');
}

async function controlUrlOf(regions: RunningRegions, instance: string): Promise<string> {
  const [region = ''] = instance.split('-');
  await using cache = await regions.cache(region);
  for await (const { key, value } of cache.reader.list({ prefix: 'worlds/session/' }))
    if (key.endsWith(`/${instance}`))
      return z.object({ controlUrl: z.string() }).parse(value).controlUrl;
  throw new Error(`${instance} has no session.`);
}

/** Each order to leave: all have moved within the half minute, and nothing is lost. */
async function orderlyMoves(regions: RunningRegions, bots: readonly Bot[]): Promise<void> {
  const { dataDir, firstPort, edgePort } = regions.place;
  const operator = { keys: join(dataDir, 'keys'), 'edge-url': regions.edgeUrl };
  const place = { 'data-dir': dataDir, 'first-port': firstPort, 'edge-port': edgePort };
  const run = async (settings: Record<string, string | number>, ...words: string[]) => {
    await using command = startProgram('main.ts', settings, words);
    assert.is(await command.ended(), 0, `${words.join(' ')}: ${command.stderr}`);
  };
  const moved = async (what: string, act: () => Promise<void>, isGone: (bot: Bot) => boolean) => {
    const atMs = performance.now();
    await act();
    await waitFor(() => bots.every((bot) => bot.isInPlay && isGone(bot)), 60_000, what);
    measured(what, performance.now() - atMs, 35_000);
  };
  const worldOf = (bot: Bot): string => bot.instance?.replace(/-\d+-\d+$/, '') ?? '';

  await moved(
    'a world is drained',
    () => run(operator, 'drain', 'eu', 'meadow'),
    (bot) => worldOf(bot) !== 'eu-meadow',
  );
  await run(operator, 'config', 'eu', 'meadow', 'desired=running');
  const instance = fullestOf(bots);
  await moved(
    'a world gets SIGTERM',
    async () => void process.kill(regions.pidOf(instance), 'SIGTERM'),
    (bot) => bot.instance !== instance,
  );
  const usBots = await regions.enter(rounds(20), ['us', 'eu']);
  await moved(
    'a region is evacuated',
    () => run(place, 'evacuate', 'eu'),
    (bot) => worldOf(bot) === 'us-meadow',
  );
  assert.ok(usBots.every(({ isInPlay }) => isInPlay));
  await run({ ...place, desired: 'running' }, 'evacuate', 'eu');
}

/** Players are erased as they play. @returns what makes sure that no key of theirs is left. */
async function erasures(regions: RunningRegions): Promise<() => Promise<void>> {
  const erased = await regions.enter(rounds(100));
  for (const bot of erased) {
    const answer = await bot.account.ask('DELETE', '/identity/me');
    assert.is(answer.status, 202);
    await answer.body?.cancel();
    const closedMs = await timeUntil(() => bot.stopped !== null, 'the erased player is closed');
    // A player who is between two seats in that moment has no connection to close: the next seat is refused to him.
    if (bot.stopped === 'refused') assert.is(bot.refusedBy, 401);
    else assert.is(bot.stopped, 'revoked');
    measured('an erased player is closed', closedMs, 1000);
  }
  const atMs = performance.now();
  const ids = erased.map(({ account }) => account.player);
  return async () => {
    await wait(Math.max(0, ERASED_AFTER_MS - (performance.now() - atMs)));
    for (const { nodeUrls, region } of regions.plan.regions)
      for (const url of nodeUrls) {
        await using cache = await regions.cache(region, [url]);
        const left: string[] = [];
        for await (const { key, value } of cache.reader.list({ prefix: 'worlds/' })) {
          // That he was erased is remembered until his last token has ended.
          if (key.startsWith('worlds/revoked/')) continue;
          const text = `${key} ${JSON.stringify(value)}`;
          if (ids.some((id) => text.includes(id))) left.push(text);
        }
        assert.equal(left, [], url);
      }
  };
}

/** The lobby shows what the list says, after all that happened. */
async function listsAgree(regions: RunningRegions, lobby: Lobby, access: string): Promise<void> {
  const listSchema = z.object({
    worlds: z.array(z.object({ instances: z.array(z.object({ instance: z.string() })) })),
  });
  await waitFor(
    async () => {
      const headers = { Authorization: `Bearer ${access}` };
      const answer = await fetch(`${regions.edgeUrl}/worlds`, { headers });
      const { worlds } = listSchema.parse(await answer.json());
      const listed = worlds.flatMap(({ instances }) => instances.map(({ instance }) => instance));
      return String(listed.toSorted()) === String(lobby.instances.toSorted());
    },
    20_000,
    'the lobby shows the list',
  );
  assert.equal(lobby.repeats, []);
}

/** A join goes through the edge, the api and the world, and their logs show it as one tree. */
async function traced(regions: RunningRegions, access: string): Promise<void> {
  const seats: { playUrl: string; seatToken: string; trace: string }[] = [];
  await waitFor(
    async () => {
      const answer = await fetch(`${regions.edgeUrl}/join`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${access}`, 'Idempotency-Key': crypto.randomUUID() },
        body: JSON.stringify({ regions: ['us'] }),
      });
      const [, trace = ''] = (answer.headers.get('traceresponse') ?? '').split('-');
      seats.push({ ...seatSchema.parse(await answer.json()), trace });
      return true;
    },
    20_000,
    'a seat',
  );
  const [{ playUrl = '', seatToken = '', trace = '' } = {}] = seats;
  using _player = await new TestPlayer(playUrl, seatToken).settled();
  const tree = async () => traceTree(await linesOfTrace(regions.place.dataDir, trace)).join('\n');
  await waitFor(async () => / world: connects /.test(await tree()), 5000, 'the trace is whole');
  assert.match(await tree(), / api: POST \/join .*status=20[01]/);
  assert.match(await tree(), / world: POST \/seats .*status=20[01]/);
}

/** The bots of the command line play, and Ctrl-C ends all processes. */
async function endsWithNothingLeft(regions: RunningRegions): Promise<void> {
  const seconds = Math.ceil(within(2));
  const settings = { count: 3, seconds, regions: 'us', 'edge-url': regions.edgeUrl };
  await using bots = startProgram('main.ts', settings, ['bots']);
  assert.is(await bots.ended(), 0, bots.stdout);
  assert.match(bots.stdout, /"seated":3,.*"faults":0,/);
  const { plan } = regions;
  const pids = plan.regions.flatMap(({ region }) =>
    regions.slots(region).flatMap(({ process: one }) => (one === null ? [] : [one.pid])),
  );
  assert.ok(pids.length > 0);
  regions.process.signal('SIGINT');
  assert.is(await regions.process.ended(), 0, regions.process.stderr);
  for (const pid of pids) assert.is(startTimeOf(pid), null);
  const programs = [
    ...[plan.link, plan.edge, plan.identity],
    ...plan.regions.flatMap(({ services, fleet, nodes }) => [...services, fleet, ...nodes]),
  ];
  for (const { name, healthUrl } of programs)
    await fetch(healthUrl).then(
      () => assert.unreachable(`${name} still listens`),
      () => {},
    );
}

failures.run();
