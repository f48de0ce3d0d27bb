/**
 * A response that leaves the listener of its connection to the next one. Node adds a listener for each response and takes
 * it away at the end, a twentieth of a GET (docs/performance.md), although the listener looks the response up where the
 * connection keeps it.
 *
 * Invariant: a response is told that its connection closed as by Node's own, once, and only while it is under way.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { http } from '../../net/http.ts';

/** Where Node keeps the response under way of a connection, and null between two of them. */
const UNDER_WAY = '_httpMessage';
/** Node's name for the call that sends the bytes that a response wrote before it had its connection. */
const SEND_WAITING = '_flush';

type Listening = Socket & Record<typeof UNDER_WAY, ServerResponse | null>;

/** Where a Node lacks one of these two names, it is that Node's own response. */
export class OneListenerResponse<
  Request extends IncomingMessage = IncomingMessage,
> extends http.ServerResponse<Request> {
  override assignSocket(socket: Socket): void {
    if (!isListening(socket) || !sendsWaiting(this)) {
      super.assignSocket(socket);
      return;
    }
    socket[UNDER_WAY] = this;
    assign(this, socket);
    this.emit('socket', socket);
    this[SEND_WAITING]();
  }

  override detachSocket(socket: Socket): void {
    if (!isUnderWay(socket) || !sendsWaiting(this)) {
      super.detachSocket(socket);
      return;
    }
    socket[UNDER_WAY] = null;
    assign(this, null);
  }
}

function assign(response: { socket: Socket | null }, socket: Socket | null): void {
  response.socket = socket;
}

/** Whether the listener of an earlier response is still there. */
const isListening = (socket: Socket): socket is Listening =>
  UNDER_WAY in socket && socket[UNDER_WAY] === null;

const isUnderWay = (socket: Socket): socket is Listening =>
  UNDER_WAY in socket && socket[UNDER_WAY] !== null;

const sendsWaiting = (
  response: ServerResponse,
): response is ServerResponse & Record<typeof SEND_WAITING, () => void> => SEND_WAITING in response;
