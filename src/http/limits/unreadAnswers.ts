/**
 * Answers that clients have not read yet.
 *
 * Invariants: a long answer is taken at a least rate, or costs its connection; no address holds more than a
 * share of the bound and one answer, so that none keeps all others from reading.
 */
import type { ServerResponse } from 'node:http';
import { holderOf } from '../../access/addressHolder.ts';
import type { Limits } from '../../words/limits.ts';
import { KIB } from '../../words/size.ts';
import { HolderCounts } from './holderCounts.ts';

export interface UnreadAnswersOptions {
  readonly limits: Pick<Limits, 'maxAnswerBytes' | 'minAnswerBytesPerSecond'>;
  /** The time that a client has for an answer beside that for its bytes, in milliseconds. */
  readonly sendTimeoutMs: number;
}

/** The part of the bound that one address may hold. */
const ADDRESS_SHARE = 1 / 4;
/** A shorter rest of an answer has no least rate: one of each connection by default fits into the bound. */
const SHORT_BYTES = 16 * KIB;

export class UnreadAnswers {
  bytes = 0;
  readonly #options: UnreadAnswersOptions;
  readonly #byHolder = new HolderCounts();

  constructor(options: UnreadAnswersOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.bytes > this.#options.limits.maxAnswerBytes;
  }

  /** The part of the bound that is used: above 1 once it is full. */
  get share(): number {
    return this.bytes / this.#options.limits.maxAnswerBytes;
  }

  /** Whether answers may be written for the address. */
  hasShare(address: string): boolean {
    return (
      this.#byHolder.of(holderOf(address)) <= this.#options.limits.maxAnswerBytes * ADDRESS_SHARE
    );
  }

  /**
   * Counts the unsent bytes of an answer that was just written, until it is closed.
   *
   * @param cut ends the connection of the answer: it is taken too slowly, or its address already held more than
   *   its share (it asked before it did, and the answer was written since).
   */
  add(response: ServerResponse, address: string, cut: (reason: 'slow' | 'answers') => void): void {
    const bytes = response.writableLength;
    if (!this.hasShare(address)) {
      cut('answers');
      return;
    }
    const holder = holderOf(address);
    this.#count(holder, bytes);
    const timer = bytes > SHORT_BYTES ? setTimeout(cut, this.#timeMs(bytes), 'slow') : undefined;
    response.once('close', () => {
      clearTimeout(timer);
      this.#count(holder, -bytes);
    });
  }

  #timeMs(bytes: number): number {
    const { limits, sendTimeoutMs } = this.#options;
    return sendTimeoutMs + (bytes / limits.minAnswerBytesPerSecond) * 1000;
  }

  #count(holder: string, bytes: number): void {
    this.bytes += bytes;
    this.#byHolder.add(holder, bytes);
  }
}
