/** A client of play, for tests: it keeps the view of the world and all else that it was told. */
import { decode, encode } from '@msgpack/msgpack';
import WebSocket from 'ws';
import { waitFor } from '../../../test/support/processes.ts';
import {
  applyFrame,
  type ChangesFrame,
  emptyView,
  MESSAGE,
  type WholeFrame,
  type WorldView,
} from '../../rules/frames.ts';

interface Welcome {
  readonly you: number;
  readonly seq: number;
  readonly resume: string;
  readonly total: number;
  readonly tick: number;
  readonly players: WholeFrame[2];
  readonly coins: WholeFrame[3];
}

export class TestPlayer implements Disposable {
  readonly view: WorldView = emptyView();
  readonly messages: (readonly unknown[])[] = [];
  welcome: Welcome | null = null;
  closeCode: number | null = null;
  isComplete = true;
  /** Frames that have shown all, as one who has missed a frame gets. */
  wholeFrames = 0;
  receivedBytes = 0;
  readonly #socket: WebSocket;
  #seq = 0;

  constructor(playUrl: string, token: string, kind: 'seat' | 'resume' = 'seat') {
    this.#socket = new WebSocket(playUrl, ['worlds.v1', `${kind}.${token}`]);
    this.#socket.on('message', (data: Uint8Array) => {
      this.receivedBytes += data.byteLength;
      this.#take(decode(data) as unknown[]);
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', (code) => {
      this.closeCode = code;
    });
  }

  get you(): number {
    return this.welcome?.you ?? -1;
  }

  /** Of the last input. */
  get seq(): number {
    return this.#seq;
  }

  /** Until the welcome has come, or the socket was closed. */
  async settled(): Promise<this> {
    await waitFor(
      () => this.welcome !== null || this.closeCode !== null,
      5000,
      'a welcome or a close',
    );
    return this;
  }

  async closed(): Promise<number> {
    await waitFor(() => this.closeCode !== null, 5000, 'the close');
    return this.closeCode ?? 0;
  }

  walk(dx: number, dy: number): void {
    this.#seq += 1;
    this.send([0, this.#seq, dx, dy]);
  }

  send(message: unknown): void {
    this.sendBytes(encode(message));
  }

  sendBytes(bytes: Uint8Array | string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  /** Ends the connection without a word, as a network does. */
  vanish(): void {
    this.#socket.terminate();
  }

  /** Reads nothing more until it goes on. */
  pause(): void {
    this.#socket.pause();
  }

  goOn(): void {
    this.#socket.resume();
  }

  told(type: number): (readonly unknown[])[] {
    return this.messages.filter(([first]) => first === type);
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  #take(message: readonly unknown[]): void {
    const [type] = message;
    if (type === MESSAGE.welcome) {
      const welcome = message[1] as Welcome;
      this.welcome = welcome;
      applyFrame(this.view, [MESSAGE.whole, welcome.tick, welcome.players, welcome.coins]);
      this.#seq = welcome.seq;
      return;
    }
    if (type !== MESSAGE.changes && type !== MESSAGE.whole) {
      this.messages.push(message);
      return;
    }
    const frame = message as unknown as ChangesFrame | WholeFrame;
    if (type === MESSAGE.whole) this.wholeFrames += 1;
    this.isComplete = applyFrame(this.view, frame) && this.isComplete;
  }
}
