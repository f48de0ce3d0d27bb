/**
 * The server side of a WebSocket (RFC 6455), for gossip and watches: it opens and closes connections,
 * and finds dead ones.
 */
import type { Duplex } from 'node:stream';
import { Sender, WebSocket, WebSocketServer } from 'ws';

declare module 'ws' {
  /** A part of ws that its types leave out. */
  const Sender: {
    /** @returns the head of the frame, and the data. */
    frame(data: Buffer, options: FrameOptions): Buffer[];
  };
}

interface FrameOptions {
  readonly fin: boolean;
  readonly opcode: number;
  readonly mask: boolean;
  readonly rsv1: boolean;
  readonly readOnly: boolean;
}

/** The code of a close (RFC 6455, section 7.4.1). */
export const POLICY_VIOLATION = 1008;

const TEXT = 1;
/** Milliseconds for a closing handshake before the socket is destroyed. */
const CLOSE_TIMEOUT_MS = 1000;
/** The longest reason, in bytes, that a close frame can carry (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/**
 * @param maxMessageBytes longest message of a client; a longer message closes the connection.
 * @param protocol the subprotocol that this server speaks, for clients that ask for one.
 */
export const webSocketServer = (
  maxMessageBytes: number,
  protocol: string | null = null,
): WebSocketServer =>
  new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    clientTracking: false,
    // A client may offer others too: one of them may carry its token, which must not come back.
    handleProtocols: (offered) => protocol !== null && offered.has(protocol) && protocol,
  });

/** A text message as a server sends it. */
export const textFrame = (text: string): Buffer =>
  Buffer.concat(
    Sender.frame(Buffer.from(text), {
      fin: true,
      opcode: TEXT,
      mask: false,
      rsv1: false,
      readOnly: false,
    }),
  );

/** Closes with a reason for the other side; destroys the socket if it does not answer in time. */
export function closeWebSocket(webSocket: WebSocket, code: number, reason: string): void {
  webSocket.close(code, shortened(reason));
  setTimeout(() => webSocket.terminate(), CLOSE_TIMEOUT_MS).unref();
}

/** The reason cut to the room of a close frame, in ASCII, so that the cut falls between characters. */
function shortened(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  const front = bytes.subarray(0, MAX_REASON_BYTES - 3).toString('latin1');
  return `${front.replace(/[^\x20-\x7e]/g, '?')}...`;
}

export interface PingOptions {
  /** Time between pings, in milliseconds. */
  readonly intervalMs: number;
  /** The number of unanswered pings in a row after which the connection is destroyed. */
  readonly maxSilentPings: number;
}

interface Pinged {
  readonly webSocket: WebSocket;
  readonly socket: Duplex | null;
  readonly isOver: () => boolean;
  readonly onSilence: () => void;
  silentPings: number;
}

/** Finds dead connections by their silence on pings. */
export class PingWatchdog {
  readonly #maxSilentPings: number;
  readonly #pinged = new Set<Pinged>();
  readonly #timer: NodeJS.Timeout;

  constructor({ intervalMs, maxSilentPings }: PingOptions) {
    this.#maxSilentPings = maxSilentPings;
    this.#timer = setInterval(() => this.#ping(), intervalMs);
    this.#timer.unref();
  }

  /**
   * Watches the connection until it closes.
   *
   * @param socket given if the other side may be slow: while bytes wait in the socket, the other side
   *   could not answer a ping behind them, so it is not pinged.
   * @param isOver asked before each ping whether the connection is to be destroyed.
   * @param onSilence called before a connection is destroyed because its pings were not answered.
   */
  watch(
    webSocket: WebSocket,
    socket: Duplex | null = null,
    isOver: () => boolean = () => false,
    onSilence: () => void = () => {},
  ): void {
    const pinged = { webSocket, socket, isOver, onSilence, silentPings: 0 };
    const heard = (): void => {
      pinged.silentPings = 0;
    };
    webSocket.on('pong', heard);
    webSocket.on('message', heard);
    webSocket.on('close', () => this.#pinged.delete(pinged));
    this.#pinged.add(pinged);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #ping(): void {
    for (const pinged of this.#pinged) {
      const { webSocket, socket } = pinged;
      const isSilent = pinged.silentPings >= this.#maxSilentPings;
      if (isSilent || pinged.isOver()) {
        if (isSilent) pinged.onSilence();
        webSocket.terminate();
        continue;
      }
      const isBusy = socket !== null && socket.writableLength > 0;
      if (webSocket.readyState !== WebSocket.OPEN || isBusy) continue;
      webSocket.ping();
      pinged.silentPings++;
    }
  }
}
