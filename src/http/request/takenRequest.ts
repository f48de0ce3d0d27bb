/**
 * A request of Node whose body can be taken as it comes, past the stream that the request is: the events of the
 * stream, each in a turn of its own, cost a PUT as much as its fold (docs/performance.md).
 *
 * Invariant: to Node, and to all who look at the request later, a body that was taken has been read to its end.
 */
import { http } from '../../net/http.ts';

/** Gets a whole body, or is told why there is none: of the two one is called, once. Neither throws. */
export interface BodyTaker {
  taken(bytes: Buffer): void;
  failed(error: unknown): void;
}

/** A body that is under way to its taker. */
interface Taking {
  readonly taker: BodyTaker;
  /** Makes the error for a client that goes away in the middle. */
  readonly endedEarly: () => unknown;
  bytes: Buffer;
}

const NO_BYTES = Buffer.alloc(0);

export class TakenRequest extends http.IncomingMessage {
  #isTaken = false;
  #taking: Taking | null = null;

  static {
    // A look-up by Reflect.get walks up to it anew for each request.
    const stream = Object.getPrototypeOf(http.IncomingMessage.prototype);
    const ofStream = Object.getOwnPropertyDescriptor(stream, 'readableEnded')?.get;
    // Node calls it a property in its types, and has it on the class.
    Object.defineProperty(TakenRequest.prototype, 'readableEnded', {
      get(this: TakenRequest): unknown {
        if (this.#isTaken) return this.complete;
        return ofStream?.call(this);
      },
    });
  }

  /** @returns false if the body must be read as a stream, because a part of it has come already. */
  give(taker: BodyTaker, endedEarly: () => unknown): boolean {
    if (this.complete || this.readableLength > 0 || this.readableFlowing !== null) return false;
    this.#isTaken = true;
    this.#taking = { taker, endedEarly, bytes: NO_BYTES };
    return true;
  }

  /** Node calls it for each part of the body, and with null for its end. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (!this.#isTaken) return super.push(chunk, encoding);
    const taking = this.#taking;
    if (taking === null) return true;
    if (Buffer.isBuffer(chunk))
      taking.bytes = taking.bytes.length === 0 ? chunk : Buffer.concat([taking.bytes, chunk]);
    else {
      this.#taking = null;
      taking.taker.taken(taking.bytes);
    }
    return true;
  }

  /** Node lets what nobody has read flow away once the request is answered. */
  override resume(): this {
    return this.#isTaken ? this : super.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const taking = this.#taking;
    this.#taking = null;
    super._destroy(error, callback);
    taking?.taker.failed(taking.endedEarly());
  }
}
