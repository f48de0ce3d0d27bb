/**
 * Listings of an api beside the same bytes from a bare koa, in turns of one run. That a listing asks no node is shown
 * by `worlds/test/api/api.processes.test.ts`, where it is answered without any node.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { BotAccount } from '../bots/botAccount.ts';
import { saidBy } from './programs.ts';
import type { RunningWorlds } from './runningWorlds.ts';

const BARE = fileURLToPath(new URL('bareKoa.ts', import.meta.url));
const CONNECTIONS = 20;

export interface ListingFigures {
  readonly bytes: number;
  readonly listingsPerSecond: number;
  readonly bareKoaPerSecond: number;
  /** The median of the turns. */
  readonly ratio: number;
}

export async function benchListings(
  { edgeUrl, regions }: RunningWorlds,
  { seconds, rounds }: { seconds: number; rounds: number },
): Promise<ListingFigures> {
  await using account = await BotAccount.guest(edgeUrl, 0);
  const body = await (await account.ask('GET', '/worlds')).text();
  const headers = { Authorization: account.authorization };
  await using bare = await startBareKoa(body);
  const apiUrl = regions[0]?.apiUrl ?? '';
  const turns: { own: number; bare: number; ratio: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const own = await load(`${apiUrl}/worlds`, headers, seconds);
    const other = await load(bare.url, headers, seconds);
    turns.push({ own, bare: other, ratio: own / other });
  }
  turns.sort((a, b) => a.ratio - b.ratio);
  const middle = turns[Math.floor(turns.length / 2)] ?? { own: 0, bare: 0, ratio: Number.NaN };
  return {
    bytes: Buffer.byteLength(body),
    listingsPerSecond: middle.own,
    bareKoaPerSecond: middle.bare,
    ratio: middle.ratio,
  };
}

async function startBareKoa(body: string): Promise<{ url: string } & AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'hearsay-koa-'));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'body.json');
  await writeFile(file, body);
  const child = spawn(process.execPath, [BARE, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  starting.defer(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${await saidBy(child, /^port (\d+)$/m)}/`;
  const ends = starting.move();
  return { url, [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

/** @returns answers in a second. */
async function load(
  url: string,
  headers: Readonly<Record<string, string>>,
  seconds: number,
): Promise<number> {
  const { requests, non2xx, errors } = await autocannon({
    url,
    headers,
    duration: seconds,
    connections: CONNECTIONS,
  });
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} of the answers were none.`);
  return requests.average;
}
