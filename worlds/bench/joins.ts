/** Joins at a steady rate beside players, through the edge. */
import { BotAccount } from '../bots/botAccount.ts';
import { runBots } from './programs.ts';
import type { RunningWorlds } from './runningWorlds.ts';

export interface JoinFigures {
  readonly playing: number;
  readonly joins: number;
  readonly failed: number;
  /** Status of a refusal → joins. */
  readonly refusedBy: Readonly<Record<string, number>>;
  readonly joinP50Ms: number;
  readonly joinP99Ms: number;
}

/** Until all bots play. */
const SETTLE_SECONDS = 10;
/** The first bots' addresses belong to those who play. */
const FIRST_NUMBER = 1000;

/** @param seconds of joins, each by a guest of its own. */
export async function benchJoins(
  { edgeUrl }: RunningWorlds,
  { playing, perSecond, seconds }: { playing: number; perSecond: number; seconds: number },
): Promise<JoinFigures> {
  const bots = runBots(edgeUrl, {
    count: playing,
    seconds: 2 * seconds + SETTLE_SECONDS,
  });
  await sleep(SETTLE_SECONDS * 1000);
  await using ends = new AsyncDisposableStack();
  const accounts: BotAccount[] = [];
  for (let number = 0; number < perSecond * seconds; number += 1)
    accounts.push(ends.use(await BotAccount.guest(edgeUrl, FIRST_NUMBER + number)));
  const times: number[] = [];
  const refusedBy: Record<string, number> = {};
  const join = async (account: BotAccount): Promise<void> => {
    const startedAtMs = performance.now();
    const answer = await account.join({ regions: ['eu', 'us'] }, []);
    if ('seatToken' in answer) times.push(performance.now() - startedAtMs);
    else refusedBy[answer.status] = (refusedBy[answer.status] ?? 0) + 1;
  };
  const startedAtMs = performance.now();
  const joins = accounts.map(async (account, at) => {
    await sleep(startedAtMs + (at * 1000) / perSecond - performance.now());
    await join(account);
  });
  await Promise.all(joins);
  const { seated } = await bots;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.ceil(share * times.length) - 1] ?? Number.NaN;
  return {
    playing: seated,
    joins: times.length,
    failed: accounts.length - times.length,
    refusedBy,
    joinP50Ms: at(0.5),
    joinP99Ms: at(0.99),
  };
}

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
