/** A reader that counts events as they come and keeps none of them, so that a watch may be of any size. */
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { waitFor } from '../../support/processes.ts';

export type Face = 'SSE' | 'HTTP/1.0' | 'WebSocket';

export class CountingReader {
  puts = 0;
  synced = 0;
  readonly #connection: Socket | WebSocket;
  #rest = '';

  constructor(face: Face, port: number, query: string) {
    const path = `/watch?${query}`;
    if (face === 'WebSocket') {
      this.#connection = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
        perMessageDeflate: false,
      });
      this.#connection.on('message', (data) => this.#count(`${String(data).slice(0, 20)}\n`));
    } else {
      this.#connection = connect(port, '127.0.0.1');
      const version = face === 'SSE' ? 'HTTP/1.1' : 'HTTP/1.0';
      this.#connection.write(`GET ${path} ${version}\r\nHost: localhost\r\n\r\n`);
      this.#connection.setEncoding('latin1').on('data', (text: string) => this.#count(text));
    }
    this.#connection.on('error', () => {});
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  /** Waits until it was told so many puts, and `synced` so often. */
  async until(puts: number, synced: number, limitMs: number): Promise<void> {
    const isThere = (): boolean => {
      if (this.puts >= puts && this.synced >= synced) return true;
      throw new Error(`${this.puts} puts and ${this.synced} synced have come`);
    };
    await waitFor(isThere, limitMs, `${puts} puts and ${synced} synced`);
  }

  #count(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('event: put') || line.startsWith('{"type":"put"')) this.puts++;
      if (line.startsWith('event: synced') || line.startsWith('{"type":"synced"')) this.synced++;
    }
  }

  [Symbol.dispose](): void {
    if (this.#connection instanceof WebSocket) this.#connection.terminate();
    else this.#connection.destroy();
  }
}
