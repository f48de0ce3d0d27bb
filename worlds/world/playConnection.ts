/** One WebSocket of play: what it gets, and how much it may send. */
import type { WebSocket } from 'ws';
import { countMessage, type MessageCount } from '../rules/clientMessages.ts';
import { type Delivery, decideDelivery, FRESH_DELIVERY } from '../rules/delivery.ts';
import { CLOSE, type CloseCode } from '../rules/seat.ts';
import { encodeMessage } from './messagePack.ts';
import { type PlaySocket, writeFrame } from './readyFrame.ts';

/** An other side that answers no close is cut off then. */
const CLOSE_LIMIT_MS = 2000;

export class PlayConnection {
  readonly id: number;
  readonly player: string;
  readonly #socket: WebSocket;
  readonly #playSocket: PlaySocket;
  #delivery: Delivery = FRESH_DELIVERY;
  #count: MessageCount = { sinceMs: 0, count: 0 };

  constructor(id: number, player: string, playSocket: PlaySocket) {
    this.id = id;
    this.player = player;
    this.#socket = playSocket.socket;
    this.#playSocket = playSocket;
  }

  /**
   * @param changes as `readyFrame` makes them; so is the whole frame.
   * @returns the bytes that were sent; null if it has read too slowly for too long.
   */
  sendFrame(changes: Buffer, whole: () => Buffer, nowMs: number): number | null {
    const { delivery, send } = decideDelivery(this.#delivery, this.#socket.bufferedAmount, nowMs);
    this.#delivery = delivery;
    if (send === 'close') return null;
    if (send === 'nothing') return 0;
    const frame = send === 'whole' ? whole() : changes;
    writeFrame(this.#playSocket, frame);
    return frame.byteLength;
  }

  send(message: readonly unknown[]): void {
    this.#socket.send(encodeMessage(message));
  }

  ping(): void {
    this.#socket.ping();
  }

  /** @returns whether the message counts; `close`: there were too many. */
  countMessage(nowMs: number): 'take' | 'ignore' | 'close' {
    const { count, verdict } = countMessage(this.#count, nowMs);
    this.#count = count;
    return verdict;
  }

  close(code: CloseCode | 1000): void {
    closeSocket(this.#socket, code);
  }
}

const REASONS = new Map<number, string>(Object.entries(CLOSE).map(([name, code]) => [code, name]));

/** @returns the word for a close code of play; empty for any other. */
export const closeName = (code: number): string => REASONS.get(code) ?? '';

export function closeSocket(socket: WebSocket, code: CloseCode | 1000): void {
  socket.close(code, closeName(code));
  setTimeout(() => socket.terminate(), CLOSE_LIMIT_MS).unref();
}
