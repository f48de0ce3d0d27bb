/** One WebSocket of play. It tells once how it has ended: by a close, or by silence. */
import { decode, encode } from '@msgpack/msgpack';
import { type Ending, SILENT_MS } from '../../rules/returning.ts';
import { readServerMessage, type ServerMessage } from '../../rules/serverMessages.ts';

const PROTOCOL = 'worlds.v1';
const PING_MS = 1000;
const LOOK_MS = 250;

export interface Entrance {
  readonly playUrl: string;
  readonly token: string;
  readonly kind: 'seat' | 'resume';
}

export interface PlayEvents {
  readonly onMessage: (message: ServerMessage) => void;
  readonly onEnd: (ending: Ending) => void;
}

export class PlaySocket {
  readonly #socket: WebSocket;
  readonly #events: PlayEvents;
  readonly #timers: readonly number[];
  #heardAtMs = performance.now();
  #isOver = false;

  constructor({ playUrl, token, kind }: Entrance, events: PlayEvents) {
    this.#events = events;
    this.#socket = new WebSocket(playUrl, [PROTOCOL, `${kind}.${token}`]);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.addEventListener('open', () => this.#ping());
    this.#socket.addEventListener('message', ({ data }) => this.#take(data));
    this.#socket.addEventListener('close', ({ code }) => this.#end({ type: 'closed', code }));
    this.#timers = [
      setInterval(() => this.#ping(), PING_MS),
      setInterval(() => this.#look(), LOOK_MS),
    ];
  }

  /** Sends nothing while the socket is not open. */
  send(message: readonly unknown[]): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(encode(message));
  }

  /** Ends it without a word: `onEnd` is not called. */
  discard(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#socket.close();
  }

  #ping(): void {
    this.send([1, performance.now()]);
  }

  #look(): void {
    if (performance.now() - this.#heardAtMs >= SILENT_MS) this.#end({ type: 'silent' });
  }

  #take(data: unknown): void {
    if (this.#isOver || !(data instanceof ArrayBuffer)) return;
    this.#heardAtMs = performance.now();
    const message = readServerMessage(decoded(data));
    if (message !== null) this.#events.onMessage(message);
  }

  #end(ending: Ending): void {
    if (this.#isOver) return;
    this.discard();
    this.#events.onEnd(ending);
  }
}

function decoded(data: ArrayBuffer): unknown {
  try {
    return decode(data);
  } catch {
    return null;
  }
}
