/**
 * A PUT of one key on the short path: it is called back by its body, and then by its commit. Promises and closures
 * for both cost a PUT as much as its decision and its fold (bench/README.md).
 */
import type { Caller } from '../access/caller.ts';
import type { PutCaller } from '../replica/writes.ts';
import type { Outcome, PutRequest } from '../words/requests.ts';
import type { Exchange, Frame } from './exchange.ts';
import { type BodyReader, parseJson } from './request/body.ts';
import { withCondition } from './request/conditions.ts';
import type { PlainOps } from './request/plainOps.ts';
import { isPlainPut } from './request/plainWrites.ts';
import { rawPutHead, rawPutRequest } from './request/rawPut.ts';
import { putBodySchema } from './request/schemas.ts';
import type { BodyTaker } from './request/takenRequest.ts';
import { validate } from './request/validate.ts';
import { putRequestOf } from './request/writes.ts';
import type { EntryAnswers } from './routes/entryAnswers.ts';

export interface ShortPutOptions {
  readonly frame: Frame;
  readonly entries: EntryAnswers;
  readonly bodies: BodyReader;
  readonly plainOps: PlainOps;
}

/** The label of the routes of one key in the metrics. */
export const KEY_ROUTE = '/cache/:key';

export class ShortPut implements BodyTaker, PutCaller {
  readonly #options: ShortPutOptions;
  readonly #exchange: Exchange;
  readonly #caller: Caller;
  readonly #beganAtMs: number;
  #key = '';

  /** @param beganAtMs `performance.now()` at the begin. */
  constructor(options: ShortPutOptions, exchange: Exchange, caller: Caller, beganAtMs: number) {
    this.#options = options;
    this.#exchange = exchange;
    this.#caller = caller;
    this.#beganAtMs = beganAtMs;
  }

  /** Reads the body, and goes on by itself. @throws Problem 415, 422; then nothing goes on. */
  read(key: string): void {
    this.#key = key;
    const { req } = this.#exchange;
    const { bodies } = this.#options;
    const raw = rawPutHead(req);
    if (raw === null) bodies.takeJsonBytes(req, this);
    else
      bodies
        .readBytes(req)
        .then((bytes) => this.#write(rawPutRequest(key, raw, bytes)))
        .catch((error: unknown) => this.failed(error));
  }

  taken(bytes: Buffer): void {
    try {
      this.#write(this.#options.plainOps.put(this.#key, bytes) ?? this.#parsed(bytes));
    } catch (error) {
      this.failed(error);
    }
  }

  done(outcome: Outcome): void {
    const { frame, entries } = this.#options;
    try {
      entries.answerPut(this.#exchange, this.#caller, outcome);
    } catch (error) {
      frame.fail(this.#exchange, error);
    }
    this.#end();
  }

  failed(error: unknown): void {
    this.#options.frame.fail(this.#exchange, error);
    this.#end();
  }

  /** @throws Problem 422 */
  #parsed(bytes: Buffer): PutRequest {
    const { text, ascii, parsed } = parseJson(bytes);
    const checked = isPlainPut(parsed) ? parsed : validate(putBodySchema, parsed);
    return putRequestOf(this.#key, { text, ascii, parsed, checked });
  }

  /** @throws Problem 422 */
  #write(request: PutRequest): void {
    const exchange = this.#exchange;
    this.#options.entries.put(exchange, withCondition(request, exchange.req), this);
  }

  #end(): void {
    this.#options.frame.end(this.#exchange, KEY_ROUTE, this.#beganAtMs);
  }
}
