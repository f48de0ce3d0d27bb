/** A player that walks about: it logs in, joins any world, and follows the frames. */
import { decode, encode } from '@msgpack/msgpack';
import { Agent, fetch } from 'undici';
import { WebSocket } from 'ws';
import { z } from 'zod';
import {
  applyFrame,
  type ChangesFrame,
  emptyView,
  MESSAGE,
  type WholeFrame,
} from '../rules/frames.ts';

export interface BotPlaces {
  readonly edgeUrl: string;
  /** The preferred ones first. */
  readonly regions: readonly string[];
}

export interface BotReport {
  readonly isSeated: boolean;
  /** Status of a join that was refused; null for none. */
  readonly refusedBy: number | null;
  readonly frames: number;
  readonly bytes: number;
  /** The longest time between two frames, in milliseconds. */
  readonly longestGapMs: number;
  /** Faults of the server: what must never be. */
  readonly faults: readonly string[];
}

const LOOPBACK = /^(localhost|127\.[\d.]+)$/;
const STEER_EVERY_MS = 500;
const ASK_LIMIT_MS = 10_000;

const guestSchema = z.object({ access: z.string() });
const seatSchema = z.object({ playUrl: z.string(), seatToken: z.string() });

/**
 * @param number of the bot, from 0: on Linux each has its own loopback address, as the edge counts by address.
 * @param random gives numbers from 0 to below 1: the same ones make the same steps.
 */
export async function playBot(
  { edgeUrl, regions }: BotPlaces,
  number: number,
  durationMs: number,
  random: () => number,
): Promise<BotReport> {
  const localAddress = addressOf(number, edgeUrl);
  await using dispatcher = agentOf(localAddress);
  const signal = (): AbortSignal => AbortSignal.timeout(ASK_LIMIT_MS);
  const guest = await fetch(`${edgeUrl}/identity/guests`, {
    method: 'POST',
    signal: signal(),
    dispatcher,
  });
  const { access } = guestSchema.parse(await guest.json());
  const joined = await fetch(`${edgeUrl}/join`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${access}`, 'Idempotency-Key': crypto.randomUUID() },
    body: JSON.stringify({ regions }),
    signal: signal(),
    dispatcher,
  });
  const faults: string[] = [];
  if (joined.status >= 500) faults.push(`A join was answered by ${joined.status}.`);
  if (!joined.ok) {
    const refusedBy = joined.status;
    return { isSeated: false, refusedBy, frames: 0, bytes: 0, longestGapMs: 0, faults };
  }
  const { playUrl, seatToken } = seatSchema.parse(await joined.json());
  const socket = new WebSocket(playUrl, ['worlds.v1', `seat.${seatToken}`], {
    ...(localAddress !== null && { localAddress }),
  });
  const view = emptyView();
  let [frames, bytes, longestGapMs, seq] = [0, 0, 0, 0];
  let frameAtMs: number | null = null;
  socket.on('message', (data: Uint8Array) => {
    bytes += data.byteLength;
    const message = decode(data) as readonly unknown[];
    const [type] = message;
    if (type === MESSAGE.welcome) {
      const { tick, players, coins } = message[1] as {
        tick: number;
        players: WholeFrame[2];
        coins: WholeFrame[3];
      };
      applyFrame(view, [MESSAGE.whole, tick, players, coins]);
      return;
    }
    if (type !== MESSAGE.changes && type !== MESSAGE.whole) return;
    const nowMs = performance.now();
    if (frameAtMs !== null) longestGapMs = Math.max(longestGapMs, nowMs - frameAtMs);
    frameAtMs = nowMs;
    frames += 1;
    if (!applyFrame(view, message as unknown as ChangesFrame | WholeFrame))
      faults.push('A figure moved that no frame had shown.');
  });
  const step = (): number => Math.floor(random() * 3) - 1;
  const steering = setInterval(() => {
    seq += 1;
    if (socket.readyState === WebSocket.OPEN) socket.send(encode([0, seq, step(), step()]));
  }, STEER_EVERY_MS);
  const closed = new Promise<number | null>((resolve) => {
    socket.on('error', () => socket.terminate());
    socket.on('close', (code) => resolve(code));
    setTimeout(() => resolve(null), durationMs);
  });
  const code = await closed;
  clearInterval(steering);
  if (code !== null) faults.push(`The world closed a player with ${code}.`);
  socket.terminate();
  return { isSeated: true, refusedBy: null, frames, bytes, longestGapMs, faults };
}

/** @returns null: the system chooses. */
function addressOf(number: number, edgeUrl: string): string | null {
  if (process.platform !== 'linux' || !LOOPBACK.test(new URL(edgeUrl).hostname)) return null;
  return `127.1.${(number + 1) >> 8}.${(number + 1) & 255}`;
}

function agentOf(localAddress: string | null): Agent & AsyncDisposable {
  const agent = new Agent(localAddress === null ? {} : { connect: { localAddress } });
  return Object.assign(agent, { [Symbol.asyncDispose]: () => agent.destroy() });
}
