/**
 * The way of a worker's replies to the thread that asked. Node tells of a message at the end of a turn of the event loop,
 * and a turn of a busy node takes as long as a commit, for which the worker then waits (docs/performance.md). So both
 * threads share a count of the replies that were sent: where it has changed, they are taken in the middle of a turn.
 *
 * Invariant: a reply is counted once it can be taken, and taken once, in order.
 */
import { MessageChannel, MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** One end of the way. */
export interface ReplyWay {
  readonly port: MessagePort;
  /** Replies that were sent, in one number that wraps. */
  readonly sent: Int32Array;
}

/** @returns both ends; that of the worker goes into its `workerData`, and its port is handed over with them. */
export function newReplyWay(): { readonly ofAsker: ReplyWay; readonly ofWorker: ReplyWay } {
  const { port1, port2 } = new MessageChannel();
  const sent = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  return { ofAsker: { port: port1, sent }, ofWorker: { port: port2, sent } };
}

/** @returns the worker's end, if its data are one; else null. */
export function replyWayIn(data: unknown): ReplyWay | null {
  if (typeof data !== 'object' || data === null || !('port' in data && 'sent' in data)) return null;
  const { port, sent } = data;
  return port instanceof MessagePort && sent instanceof Int32Array ? { port, sent } : null;
}

/** @param handedOver memory that goes over to the other thread without a copy. */
export function sendReply(
  { port, sent }: ReplyWay,
  reply: unknown,
  handedOver: readonly ArrayBuffer[],
): void {
  port.postMessage(reply, handedOver);
  Atomics.add(sent, 0, 1);
}

/** The asker's end. */
export class Replies<Reply> {
  readonly #way: ReplyWay;
  readonly #take: (reply: Reply) => void;
  #taken = 0;

  /** @param take called for each reply, at the end of a turn or within `takeSent`. */
  constructor(way: ReplyWay, take: (reply: Reply) => void) {
    this.#way = way;
    this.#take = take;
    way.port.on('message', (reply: Reply) => this.#count(reply));
    // The worker itself keeps the process alive.
    way.port.unref();
  }

  /** Takes the replies that were sent and not told of. @returns whether there were any. */
  takeSent(): boolean {
    const { port, sent } = this.#way;
    const before = this.#taken;
    while (Atomics.load(sent, 0) !== this.#taken) {
      const received = receiveMessageOnPort(port);
      if (received === undefined) break;
      this.#count(received.message);
    }
    return this.#taken !== before;
  }

  #count(reply: Reply): void {
    this.#taken = (this.#taken + 1) | 0;
    this.#take(reply);
  }
}
