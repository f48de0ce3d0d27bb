/** The open connections of an instance: what comes in on each, read and counted. */
import { type ClientMessage, readClientMessage } from '../rules/clientMessages.ts';
import { CLOSE, type CloseCode } from '../rules/seat.ts';
import { decodeMessage } from './messagePack.ts';
import { closeSocket, PlayConnection } from './playConnection.ts';
import type { PlaySocket } from './readyFrame.ts';

export interface ConnectionEvents {
  readonly onInput: (
    player: string,
    input: Extract<ClientMessage, { readonly type: 'input' }>,
  ) => void;
  readonly onPing: (connection: PlayConnection, time: number) => void;
  readonly onLeave: (connection: PlayConnection) => void;
  /** A sign of life. */
  readonly onHeard: (connection: PlayConnection) => void;
  /** It broke a rule of the protocol. */
  readonly onFault: (connection: PlayConnection, code: CloseCode) => void;
  readonly onClose: (connection: PlayConnection) => void;
}

export class PlayConnections implements Iterable<PlayConnection> {
  readonly #events: ConnectionEvents;
  readonly #byId = new Map<number, PlayConnection>();
  #nextId = 1;

  constructor(events: ConnectionEvents) {
    this.#events = events;
  }

  /** @returns an id that no other connection has. */
  newId(): number {
    return this.#nextId++;
  }

  open(id: number, player: string, playSocket: PlaySocket): PlayConnection {
    const { socket } = playSocket;
    const connection = new PlayConnection(id, player, playSocket);
    this.#byId.set(id, connection);
    socket.on('message', (data, isBinary) => this.#take(connection, data, isBinary));
    socket.on('pong', () => this.#events.onHeard(connection));
    // Its frames were malformed: ws closes it, and this makes sure of that.
    socket.on('error', () => closeSocket(socket, CLOSE.malformed));
    socket.on('close', () => {
      this.forget(connection);
      this.#events.onClose(connection);
    });
    return connection;
  }

  get(id: number): PlayConnection | undefined {
    return this.#byId.get(id);
  }

  /** Messages that still come from it are not read. */
  forget(connection: PlayConnection): void {
    this.#byId.delete(connection.id);
  }

  [Symbol.iterator](): IterableIterator<PlayConnection> {
    return this.#byId.values();
  }

  #take(connection: PlayConnection, data: unknown, isBinary: boolean): void {
    if (!this.#byId.has(connection.id)) return;
    const verdict = connection.countMessage(performance.now());
    if (verdict === 'close') {
      this.#events.onFault(connection, CLOSE.flooding);
      return;
    }
    const message = isBinary ? readClientMessage(decodeMessage(data)) : null;
    if (message === null) {
      this.#events.onFault(connection, CLOSE.malformed);
      return;
    }
    this.#events.onHeard(connection);
    switch (message.type) {
      case 'input':
        if (verdict === 'take') this.#events.onInput(connection.player, message);
        return;
      case 'ping':
        this.#events.onPing(connection, message.time);
        return;
      case 'leave':
        this.#events.onLeave(connection);
        return;
    }
  }
}
