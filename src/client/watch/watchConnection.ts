/** One WebSocket of a watch, from the dial to its end. */
import { onAbort } from '../calls/timing.ts';

export interface ConnectionOptions {
  readonly WebSocket: typeof globalThis.WebSocket;
  readonly url: string;
  /** Subprotocols to offer; none for a node that asks for no token. */
  readonly protocols: readonly string[];
  /** The longest time until the connection is made, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** The longest silence, in milliseconds: a node sends bookmarks when nothing changes. */
  readonly idleTimeoutMs: number;
  readonly onOpen: () => void;
  /** @returns the reason why the connection is to end; null if it goes on. */
  readonly onText: (text: string) => ConnectionEnd | null;
  /** Ends the connection. */
  readonly signal: AbortSignal;
}

export interface ConnectionEnd {
  /**
   * `lost`: worth another try. `refused`: the node will not go on from the cursor. `full`: this client
   * has no room for more now. `ended`: by the signal.
   */
  readonly kind: 'lost' | 'refused' | 'full' | 'ended';
  readonly reason: string;
}

/** The node says by this code that the request breaks a rule (RFC 6455, section 7.4.1). */
const POLICY_VIOLATION = 1008;
/** The code for a connection that ended without a word. */
const NO_CLOSE_FRAME = 1006;
const GOING_AWAY = 4000;
/** `readyState` of a closing socket; a closed socket has one more. */
const CLOSING = 2;

/** The reason for the end of a connection whose other side gave none. */
const brokenBy = (code: number): string =>
  code === NO_CLOSE_FRAME ? 'the connection broke' : `closed with code ${code}`;

/** Resolves once the connection has ended for any reason; no callback is called after that. */
export function connect(options: ConnectionOptions): Promise<ConnectionEnd> {
  const { WebSocket, url, protocols, connectTimeoutMs, idleTimeoutMs, onOpen, onText, signal } =
    options;
  return new Promise((resolve) => {
    const socket = protocols.length === 0 ? new WebSocket(url) : new WebSocket(url, [...protocols]);
    let timer = setTimeout(
      () => end({ kind: 'lost', reason: `no connection within ${connectTimeoutMs} ms` }),
      connectTimeoutMs,
    );
    const waitForText = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => end({ kind: 'lost', reason: `silent for ${idleTimeoutMs} ms` }),
        idleTimeoutMs,
      );
    };
    let isOpen = false;
    const opened = () => {
      isOpen = true;
      waitForText();
      onOpen();
    };
    const received = ({ data }: MessageEvent) => {
      waitForText();
      const wanted = typeof data === 'string' ? onText(data) : null;
      if (wanted !== null) end(wanted);
    };
    const closed = ({ code, reason }: CloseEvent) => {
      const kind = code === POLICY_VIOLATION ? 'refused' : 'lost';
      end({ kind, reason: reason || (isOpen ? brokenBy(code) : 'no connection') });
    };
    const release = onAbort(signal, () => end({ kind: 'ended', reason: 'ended here' }));

    const end = (how: ConnectionEnd) => {
      clearTimeout(timer);
      release();
      socket.removeEventListener('open', opened);
      socket.removeEventListener('message', received);
      socket.removeEventListener('close', closed);
      if (socket.readyState < CLOSING) socket.close(GOING_AWAY);
      resolve(how);
    };

    socket.addEventListener('open', opened);
    socket.addEventListener('message', received);
    // An error is always followed by a close, which gives more details.
    socket.addEventListener('close', closed);
    if (signal.aborted) end({ kind: 'ended', reason: 'ended here' });
  });
}
