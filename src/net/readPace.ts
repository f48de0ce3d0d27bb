/**
 * Reads no more than so many messages a second of each WebSocket, so that nobody who sends without pause keeps
 * the event loop for itself: the rest waits at its sender (TCP's own flow control), and nothing is lost.
 */
import type { WebSocket } from 'ws';

const WINDOWS_A_SECOND = 10;

export class ReadPace {
  /** Sockets that were read no further in this window, since the start. */
  pauses = 0;
  readonly #maxInWindow: number;
  readonly #read = new Map<WebSocket, number>();
  readonly #timer: NodeJS.Timeout;

  /** @param maxPerSecond messages of one WebSocket. */
  constructor(maxPerSecond: number) {
    this.#maxInWindow = Math.max(1, Math.floor(maxPerSecond / WINDOWS_A_SECOND));
    this.#timer = setInterval(() => this.#nextWindow(), 1000 / WINDOWS_A_SECOND);
    this.#timer.unref();
  }

  /** Keeps the WebSocket to it until that closes. */
  watch(webSocket: WebSocket): void {
    this.#read.set(webSocket, 0);
    webSocket.on('close', () => this.#read.delete(webSocket));
    webSocket.on('message', () => {
      const read = (this.#read.get(webSocket) ?? 0) + 1;
      this.#read.set(webSocket, read);
      if (read < this.#maxInWindow || webSocket.isPaused) return;
      webSocket.pause();
      this.pauses++;
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const webSocket of this.#read.keys()) webSocket.resume();
  }

  #nextWindow(): void {
    for (const webSocket of this.#read.keys()) {
      this.#read.set(webSocket, 0);
      if (webSocket.isPaused) webSocket.resume();
    }
  }
}
