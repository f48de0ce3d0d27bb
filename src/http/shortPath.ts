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
import type { Exchange, Frame } from './exchange.ts';
import type { BodyReader, CheckedBody } from './request/body.ts';
import { isPlainPut } from './request/plainWrites.ts';
import { readPut } from './request/readPut.ts';
import { type PutBody, putBodySchema } from './request/schemas.ts';
import { decodeKey } from './request/target.ts';
import { validate } from './request/validate.ts';
import type { BatchAnswers } from './routes/batchAnswers.ts';
import type { EntryAnswers } from './routes/entryAnswers.ts';

export interface ShortPathOptions {
  readonly frame: Frame;
  readonly entries: EntryAnswers;
  readonly batches: BatchAnswers;
  readonly bodies: BodyReader;
  readonly maxKeyBytes: number;
  readonly callers: Callers;
}

const PREFIX = '/cache/';
/** One segment after the prefix, and no query. */
const PLAIN_TARGET = /^\/cache\/[^/?#]+$/;
/** The label of the routes of one key in the metrics. */
const ROUTE = '/cache/:key';
/** The target and the label of batches. */
const BATCHES = '/cache';
const NO_QUERY = {};

export class ShortPath {
  readonly #options: ShortPathOptions;

  constructor(options: ShortPathOptions) {
    this.#options = options;
  }

  /** @returns false for a request that the general path must answer; then nothing was done. */
  take(req: IncomingMessage, res: ServerResponse): boolean {
    const { method, url = '', headers } = req;
    if (headers.origin !== undefined || headers['hearsay-after'] !== undefined) return false;
    if (method === 'POST') return url === BATCHES && this.#takeBatch(req, res);
    if (method !== 'GET' && method !== 'PUT') return false;
    if (!PLAIN_TARGET.test(url)) return false;
    // Tokens that take time to verify, and callers without the scope, are for the general path.
    const caller = this.#options.callers.known(req);
    if (caller === null) return this.#refuse({ req, res }, url, ROUTE);
    if (!caller.scopes.has(method === 'GET' ? 'read' : 'write')) return false;
    if (method === 'GET') this.#get({ req, res }, url, caller);
    else void this.#put({ req, res }, url, caller);
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
  #takeBatch(req: IncomingMessage, res: ServerResponse): boolean {
    const type = req.headers['content-type'];
    if (type !== undefined && type !== JSON_TYPE) return false;
    const caller = this.#options.callers.known(req);
    if (caller === null) return this.#refuse({ req, res }, BATCHES, BATCHES);
    if (!caller.scopes.has('read') && !caller.scopes.has('write')) return false;
    void this.#batch({ req, res }, caller);
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

  #get(exchange: Exchange, path: string, caller: Caller): void {
    const { frame, entries, callers } = this.#options;
    const beganAtMs = performance.now();
    try {
      frame.begin(exchange, path);
      callers.requirePace(caller, exchange.res);
      const answered = entries.read(exchange, this.#keyOf(path, caller));
      if (answered !== undefined) {
        void this.#endAfter(exchange, answered, beganAtMs);
        return;
      }
    } catch (error) {
      frame.fail(exchange, error);
    }
    frame.end(exchange, ROUTE, beganAtMs);
  }

  /** The value comes from the disk. */
  async #endAfter(exchange: Exchange, answered: Promise<void>, beganAtMs: number): Promise<void> {
    const { frame } = this.#options;
    await answered.catch((error: unknown) => frame.fail(exchange, error));
    frame.end(exchange, ROUTE, beganAtMs);
  }

  async #put(exchange: Exchange, path: string, caller: Caller): Promise<void> {
    const { frame, entries, callers, bodies } = this.#options;
    const beganAtMs = performance.now();
    try {
      frame.begin(exchange, path);
      callers.requirePace(caller, exchange.res);
      const key = this.#keyOf(path, caller);
      const { req } = exchange;
      const request = await readPut(req, key, bodies, () => this.#readJson(req));
      await entries.write(exchange, caller, request, NO_QUERY);
    } catch (error) {
      frame.fail(exchange, error);
    }
    frame.end(exchange, ROUTE, beganAtMs);
  }

  async #readJson(req: IncomingMessage): Promise<CheckedBody<PutBody>> {
    const { text, ascii, parsed } = await this.#options.bodies.readJson(req);
    const checked = isPlainPut(parsed) ? parsed : validate(putBodySchema, parsed);
    return { text, ascii, parsed, checked };
  }

  /** @throws Problem 400, 401, 403, 414 */
  #keyOf(path: string, caller: Caller): string {
    const { callers, maxKeyBytes } = this.#options;
    const key = decodeKey(path.slice(PREFIX.length), maxKeyBytes);
    callers.requireWithin(caller, key);
    return key;
  }
}
