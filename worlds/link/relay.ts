/**
 * One TCP connection between regions: what either side sends reaches the other later. A cut loses nothing: all that
 * is under way waits for its end, as it does where TCP repeats it.
 *
 * Back-pressure: a side is read no further while its direction is full, or while the other side reads too slowly.
 */
import { connect, type Socket } from 'node:net';
import type { Sent } from '../rules/delayLine.ts';
import { Flow, type FlowSettings } from './flow.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface RelayEvents {
  /** The news that the target has taken the connection are back. */
  readonly onOpened: () => void;
  /** The target has not taken the connection: the dialler is to be closed. */
  readonly onRefused: () => void;
  /** Nothing of it is left. */
  readonly onEnd: () => void;
}

export class Relay {
  readonly #dialler: Socket;
  readonly #target: Target;
  readonly #events: RelayEvents;
  readonly #forth: Flow;
  readonly #back: Flow;
  #taker: Socket | null = null;
  #isOpened = false;
  #isOver = false;

  /** @param first bytes that were read from the dialler before. */
  constructor(
    dialler: Socket,
    target: Target,
    first: Uint8Array,
    settings: FlowSettings,
    events: RelayEvents,
  ) {
    this.#dialler = dialler;
    this.#target = target;
    this.#events = events;
    this.#forth = new Flow(settings, {
      onArrival: (sent) => this.#arriveAtTaker(sent),
      onRoom: () => dialler.resume(),
    });
    this.#back = new Flow(settings, {
      onArrival: (sent) => this.#arriveAtDialler(sent),
      onRoom: () => this.#taker?.resume(),
    });
    this.#forth.send('open');
    if (first.byteLength > 0) this.#forth.send(first);
    read(dialler, this.#forth, this.#back);
    dialler.once('close', () => this.#endIfClosed());
    // Where the network is cut, nobody gets a connection that he could half close: he has given up.
    dialler.once('end', () => {
      if (this.#taker === null && settings.isCut()) dialler.destroy();
    });
  }

  get heldBytes(): number {
    return this.#forth.heldBytes + this.#back.heldBytes;
  }

  /** The link was healed. */
  advance(): void {
    this.#forth.advance();
    this.#back.advance();
  }

  destroy(): void {
    this.#dialler.destroy();
    this.#taker?.destroy();
  }

  #arriveAtTaker(sent: Sent): boolean {
    switch (sent) {
      case 'open':
        this.#dial();
        return true;
      case 'opened':
        return true;
      case 'end':
        this.#taker?.end();
        return true;
      case 'reset':
        this.#taker?.resetAndDestroy();
        return true;
      default:
        return this.#taker === null || this.#taker.destroyed || this.#taker.write(sent);
    }
  }

  #arriveAtDialler(sent: Sent): boolean {
    switch (sent) {
      case 'open':
        return true;
      case 'opened':
        this.#isOpened = true;
        this.#events.onOpened();
        return true;
      case 'end':
        this.#dialler.end();
        return true;
      case 'reset':
        if (this.#isOpened) this.#dialler.resetAndDestroy();
        else this.#events.onRefused();
        return true;
      default:
        return this.#dialler.destroyed || this.#dialler.write(sent);
    }
  }

  #dial(): void {
    const taker = connect({ ...this.#target, allowHalfOpen: true });
    this.#taker = taker;
    taker.once('connect', () => this.#back.send('opened'));
    read(taker, this.#back, this.#forth);
    taker.once('close', () => this.#endIfClosed());
  }

  /** A dialler that goes before the target was dialled leaves nothing behind, also while the link is cut. */
  #endIfClosed(): void {
    if (this.#isOver || !this.#dialler.closed || !(this.#taker?.closed ?? true)) return;
    this.#isOver = true;
    this.#forth.stop();
    this.#back.stop();
    this.#events.onEnd();
  }
}

/** @param coming the direction that arrives at this socket. */
function read(socket: Socket, going: Flow, coming: Flow): void {
  let hasEnded = false;
  socket.setNoDelay(true);
  socket.on('data', (bytes: Buffer) => {
    if (!going.send(bytes)) socket.pause();
  });
  socket.on('drain', () => coming.advance());
  socket.on('error', () => {});
  socket.on('end', () => {
    hasEnded = true;
    going.send('end');
  });
  socket.once('close', (isFault) => {
    if (!hasEnded || isFault) going.send('reset');
    // Bytes for a closed socket are dropped.
    coming.advance();
  });
}
