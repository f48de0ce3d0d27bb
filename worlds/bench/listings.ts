/**
 * Listings of an api beside the same bytes from a bare koa, in turns of one run. That a listing asks no node is shown
 * by `worlds/test/api/api.processes.test.ts`, where it is answered without any node.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { BotAccount } from '../bots/botAccount.ts';
import { processorMsOf, saidBy } from './programs.ts';
import type { RunningWorlds } from './runningWorlds.ts';

const BARE = fileURLToPath(new URL('bareKoa.ts', import.meta.url));
const CONNECTIONS = 20;

export interface ListingFigures {
  readonly bytes: number;
  readonly listingsPerSecond: number;
  readonly bareKoaPerSecond: number;
  /** The median of the turns. */
  readonly ratio: number;
  /** Processor time of the bare koa to that of the api for an answer: it is the same on a busy machine. */
  readonly processorRatio: number;
}

interface Turn {
  readonly perSecond: number;
  /** Of processor time, for an answer. */
  readonly microseconds: number;
}

export async function benchListings(
  { edgeUrl, regions }: RunningWorlds,
  { seconds, rounds }: { seconds: number; rounds: number },
): Promise<ListingFigures> {
  await using account = await BotAccount.guest(edgeUrl, 0);
  const body = await (await account.ask('GET', '/worlds')).text();
  const headers = { Authorization: account.authorization };
  await using bare = await startBareKoa(body);
  const [region] = regions;
  if (region === undefined) throw new Error('There is no region.');
  const apiPid = Number(readFileSync(join(region.paths.data, 'logs', 'api.pid'), 'utf8'));
  const turns: { own: Turn; bare: Turn }[] = [];
  for (let round = 0; round < rounds; round += 1)
    turns.push({
      own: await load(`${region.apiUrl}/worlds`, apiPid, headers, seconds),
      bare: await load(bare.url, bare.pid, headers, seconds),
    });
  const middleOf = (of: (turn: { own: Turn; bare: Turn }) => number): number =>
    turns.map(of).toSorted((a, b) => a - b)[Math.floor(turns.length / 2)] ?? Number.NaN;
  return {
    bytes: Buffer.byteLength(body),
    listingsPerSecond: middleOf(({ own }) => own.perSecond),
    bareKoaPerSecond: middleOf((turn) => turn.bare.perSecond),
    ratio: middleOf((turn) => turn.own.perSecond / turn.bare.perSecond),
    processorRatio: middleOf((turn) => turn.bare.microseconds / turn.own.microseconds),
  };
}

async function startBareKoa(
  body: string,
): Promise<{ readonly url: string; readonly pid: number } & AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'hearsay-koa-'));
  starting.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'body.json');
  await writeFile(file, body);
  const child = spawn(process.execPath, [BARE, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  starting.defer(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${await saidBy(child, /^port (\d+)$/m)}/`;
  const ends = starting.move();
  return { url, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

async function load(
  url: string,
  pid: number,
  headers: Readonly<Record<string, string>>,
  seconds: number,
): Promise<Turn> {
  const { result, ms } = await processorMsOf(pid, async () =>
    autocannon({ url, headers, duration: seconds, connections: CONNECTIONS }),
  );
  const { requests, non2xx, errors } = result;
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} of the answers were none.`);
  return { perSecond: requests.average, microseconds: (ms * 1000) / requests.total };
}
