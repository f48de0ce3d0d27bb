/**
 * Reads a bounded number of messages per second from each WebSocket, so that no sender without pauses keeps
 * the event loop for itself. The rest waits at its sender (TCP's own flow control), and nothing is lost.
 */
import type { WebSocket } from 'ws';

const WINDOWS_A_SECOND = 10;

export class ReadPace {
  /** The number of times since the start that a socket was read no further in a window. */
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

  /** Keeps the WebSocket to the pace until it closes. */
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
