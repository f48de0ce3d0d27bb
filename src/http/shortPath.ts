/**
 * The short path: plain GETs and PUTs of one key, and batches, which are nearly all requests, are answered without
 * koa, its router and their promises. The figures that justify it are in bench/README.md.
 *
 * Invariant: each answer is the one that the general path would give, byte by byte. So the short path
 * takes a request only if nothing but the key, the body and the conditions decides its answer, and it
 * calls the same checks and the same answers. test/http runs every request on both paths.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../access/caller.ts';
import type { Callers } from './access/callers.ts';
import { JSON_TYPE } from './answer/answer.ts';
import { TextHeads } from './answer/textHeads.ts';
import type { Exchange } from './exchange.ts';
import { decodeKey, isLonger } from './request/target.ts';
import type { BatchAnswers } from './routes/batchAnswers.ts';
import { KEY_ROUTE, ShortPut, type ShortPutOptions } from './shortPut.ts';

export interface ShortPathOptions extends ShortPutOptions {
  readonly batches: BatchAnswers;
  readonly maxKeyBytes: number;
  readonly callers: Callers;
}

const PREFIX = '/cache/';
/** One segment after the prefix, and no query. */
const PLAIN_TARGET = /^\/cache\/[^/?#]+$/;
/** Of the characters of a target (`target.ts`) without the sign of escapes: nearly all keys are sent as they are. */
const TARGET_AS_IT_IS = /^\/cache\/[!"$&-.0->@-~]+$/;
/** The path of one key, without a query. */
interface Target {
  readonly path: string;
  /** Whether the key stands there without escapes. */
  readonly isAsItIs: boolean;
}

/** The target and the label of batches. */
const BATCHES = '/cache';

export class ShortPath {
  readonly #options: ShortPathOptions;
  readonly #heads = new TextHeads();

  constructor(options: ShortPathOptions) {
    this.#options = options;
  }

  /** @returns false for a request that the general path must answer; then nothing was done. */
  take(req: IncomingMessage, res: ServerResponse): boolean {
    const { method, url = '', headers } = req;
    const exchange = { req, res, heads: this.#heads };
    if (headers.origin !== undefined || headers['hearsay-after'] !== undefined) return false;
    if (method === 'POST') return url === BATCHES && this.#takeBatch(exchange);
    if (method !== 'GET' && method !== 'PUT') return false;
    const isAsItIs = TARGET_AS_IT_IS.test(url);
    if (!isAsItIs && !PLAIN_TARGET.test(url)) return false;
    // Tokens that take time to verify, and callers without the scope, are for the general path.
    const caller = this.#options.callers.known(req);
    if (caller === null) return this.#refuse(exchange, url, KEY_ROUTE);
    if (!caller.scopes.has(method === 'GET' ? 'read' : 'write')) return false;
    const target = { path: url, isAsItIs };
    if (method === 'GET') this.#get(exchange, target, caller);
    else this.#put(exchange, target, caller);
    return true;
  }

  /** Wrong tokens may come in thousands a second. @returns false if the general path must answer. */
  #refuse(exchange: Exchange, path: string, route: string): boolean {
    const { frame, callers } = this.#options;
    const refusal = callers.refusedAtOnce(exchange.req);
    if (refusal === null) return false;
    const beganAtMs = performance.now();
    try {
      frame.begin(exchange, path);
      frame.fail(exchange, refusal);
    } catch (error) {
      frame.fail(exchange, error);
    }
    frame.end(exchange, route, beganAtMs);
    return true;
  }

  /** Each op asks for its own scope. A body with an op a line is for the general path. */
  #takeBatch(exchange: Exchange): boolean {
    const { req } = exchange;
    const type = req.headers['content-type'];
    if (type !== undefined && type !== JSON_TYPE) return false;
    const caller = this.#options.callers.known(req);
    if (caller === null) return this.#refuse(exchange, BATCHES, BATCHES);
    if (!caller.scopes.has('read') && !caller.scopes.has('write')) return false;
    void this.#batch(exchange, caller);
    return true;
  }

  async #batch(exchange: Exchange, caller: Caller): Promise<void> {
    const { frame, batches, callers } = this.#options;
    const beganAtMs = performance.now();
    try {
      frame.begin(exchange, BATCHES);
      callers.requirePace(caller, exchange.res);
      await batches.answer(exchange, caller);
    } catch (error) {
      frame.fail(exchange, error);
    }
    frame.end(exchange, BATCHES, beganAtMs);
  }

  #get(exchange: Exchange, target: Target, caller: Caller): void {
    const { frame, entries, callers } = this.#options;
    const beganAtMs = performance.now();
    try {
      frame.begin(exchange, target.path);
      callers.requirePace(caller, exchange.res);
      const answered = entries.read(exchange, this.#keyOf(target, caller));
      if (answered !== undefined) {
        void this.#endAfter(exchange, answered, beganAtMs);
        return;
      }
    } catch (error) {
      frame.fail(exchange, error);
    }
    frame.end(exchange, KEY_ROUTE, beganAtMs);
  }

  /** The value comes from the disk. */
  async #endAfter(exchange: Exchange, answered: Promise<void>, beganAtMs: number): Promise<void> {
    const { frame } = this.#options;
    await answered.catch((error: unknown) => frame.fail(exchange, error));
    frame.end(exchange, KEY_ROUTE, beganAtMs);
  }

  #put(exchange: Exchange, target: Target, caller: Caller): void {
    const { frame, callers } = this.#options;
    const put = new ShortPut(this.#options, exchange, caller, performance.now());
    try {
      frame.begin(exchange, target.path);
      callers.requirePace(caller, exchange.res);
      put.read(this.#keyOf(target, caller));
    } catch (error) {
      put.failed(error);
    }
  }

  /** @throws Problem 400, 401, 403, 414 */
  #keyOf({ path, isAsItIs }: Target, caller: Caller): string {
    const { callers, maxKeyBytes } = this.#options;
    const segment = path.slice(PREFIX.length);
    const key =
      isAsItIs && !isLonger(segment, maxKeyBytes) ? segment : decodeKey(segment, maxKeyBytes);
    callers.requireWithin(caller, key);
    return key;
  }
}
