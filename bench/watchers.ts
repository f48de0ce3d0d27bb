/**
 * Many subscribers in a process of their own, for `watch.ts`: over WebSockets to Hearsay or as
 * subscribers of Redis. They read nothing of an event but the time that its publisher put into it; the
 * clocks of all processes of a machine are one.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** The task of this process. */
export type Ask =
  | {
      readonly kind: 'connect';
      readonly over: 'hearsay' | 'redis';
      readonly port: number;
      readonly count: number;
    }
  /** How many events all of them have seen, and their delays, since the last time it was asked. */
  | { readonly kind: 'report' };

export type Report =
  | { readonly kind: 'connected' }
  | { readonly kind: 'seen'; readonly events: number; readonly delaysMs: Float64Array };

/** Stands before the time in every value, and nowhere else. */
export const MARK = '@t';
/** Of the time: microseconds since the epoch. */
export const TIME_DIGITS = 16;

const CHANNEL = 'events';
const TAIL_BYTES = MARK.length + TIME_DIGITS;

export const nowMicroseconds = (): number =>
  Math.round((performance.timeOrigin + performance.now()) * 1000);

let events = 0;
let delaysMs: number[] = [];

function subscribe(over: 'hearsay' | 'redis', port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.write(
    over === 'redis'
      ? `SUBSCRIBE ${CHANNEL}\r\n`
      : `GET /watch?prefix=bench HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  );
  let tail: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    tail = read(tail.length === 0 ? chunk : Buffer.concat([tail, chunk]));
  });
  const isReady = over === 'redis' ? 'subscribe' : 'synced';
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    let text = '';
    const look = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!text.includes(isReady)) return;
      socket.off('data', look);
      resolve(socket);
    };
    socket.on('data', look);
  });
}

/** @returns what may be the front of a time. */
function read(bytes: Buffer): Buffer {
  const now = nowMicroseconds();
  let from = 0;
  for (;;) {
    const at = bytes.indexOf(MARK, from);
    if (at < 0) return bytes.subarray(Math.max(from, bytes.length - MARK.length + 1));
    if (at + TAIL_BYTES > bytes.length) return bytes.subarray(at);
    const sent = Number(bytes.toString('latin1', at + MARK.length, at + TAIL_BYTES));
    delaysMs.push((now - sent) / 1000);
    events++;
    from = at + TAIL_BYTES;
  }
}

const tell = (report: Report): void => {
  process.send?.(report);
};

if (process.send !== undefined)
  process.on('message', async (ask: Ask) => {
    if (ask.kind === 'report') {
      tell({ kind: 'seen', events, delaysMs: Float64Array.from(delaysMs) });
      events = 0;
      delaysMs = [];
      return;
    }
    for (let count = 0; count < ask.count; count += 50)
      await Promise.all(
        Array.from({ length: Math.min(50, ask.count - count) }, () =>
          subscribe(ask.over, ask.port),
        ),
      );
    tell({ kind: 'connected' });
  });
