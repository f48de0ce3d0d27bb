/**
 * Sends writes, each when it is due. Keys are spread over lanes: within a lane one write waits for the
 * one before it, so that the writes on a key keep their order.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { hashKey } from '../../words/hash.ts';
import { type KeyOp, LAST_VERSION } from '../../words/op.ts';
import { ttlMsOf } from '../terminal/text.ts';

export interface Sent {
  all: number;
  stored: number;
  deleted: number;
  conflicts: number;
  failed: number;
  firstFailure: string;
  /** By how much a write was sent after it was due. */
  maxLateMs: number;
}

interface Due {
  readonly op: KeyOp;
  readonly dueMs: number;
}

const LANES = 32;
/** Writes that may wait in a lane: the file is read no further ahead. */
const MAX_WAITING = 64;
const ANSWER_LIMIT_MS = 30_000;
const MAX_RETRIES = 20;
const RETRY_AFTER_MS = 500;

export class ReplaySender {
  readonly sent: Sent = {
    all: 0,
    stored: 0,
    deleted: 0,
    conflicts: 0,
    failed: 0,
    firstFailure: '',
    maxLateMs: 0,
  };
  readonly #url: string;
  readonly #lanes: Lane[];

  constructor(url: string) {
    this.#url = url;
    this.#lanes = Array.from({ length: LANES }, () => new Lane((due) => this.#write(due)));
  }

  /** Resolves once there is room for more. @param dueMs by `performance.now()`. */
  async send(op: KeyOp, dueMs: number): Promise<void> {
    const waitMs = dueMs - performance.now();
    // Far ahead, reading waits; near, the lane does.
    if (waitMs > 100) await pause(waitMs - 50);
    await this.#lanes[hashKey(op.key) % LANES]?.add({ op, dueMs });
  }

  async end(): Promise<Sent> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
    return this.sent;
  }

  async #write({ op, dueMs }: Due): Promise<void> {
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await pause(waitMs);
    else this.sent.maxLateMs = Math.max(this.sent.maxLateMs, -waitMs);
    this.sent.all++;
    try {
      await this.#settle(op, await this.#request(op));
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  async #request(op: KeyOp): Promise<Response> {
    const path = `${this.#url}/cache/${encodeURIComponent(op.key)}`;
    for (let retries = 0; ; retries++) {
      const response = await fetch(op.kind === 'delete' ? path + versionQuery(op) : path, {
        ...requestOf(op),
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      });
      if (response.status !== 503 || retries >= MAX_RETRIES) return response;
      await response.body?.cancel();
      await pause(RETRY_AFTER_MS);
    }
  }

  async #settle(op: KeyOp, response: Response): Promise<void> {
    const text = await response.text();
    if (response.status === 409) this.sent.conflicts++;
    else if (!response.ok)
      this.#fail(`${op.key.slice(0, 60)}: ${response.status} ${text.slice(0, 200)}`);
    else if (op.kind === 'put') this.sent.stored++;
    else this.sent.deleted++;
  }

  #fail(reason: string): void {
    if (this.sent.failed === 0) this.sent.firstFailure = reason;
    this.sent.failed++;
  }
}

/** A delete without a version has the last one. */
const versionQuery = ({ version }: KeyOp): string =>
  version === LAST_VERSION ? '' : `?version=${version}`;

function requestOf(op: KeyOp): RequestInit {
  if (op.kind === 'delete') return { method: 'DELETE' };
  const ttlMs = ttlMsOf(op);
  const head = JSON.stringify({
    version: op.version,
    ...(ttlMs !== null && { ttl_ms: Math.max(1, ttlMs) }),
  });
  const meta = op.meta === null ? '' : `,"meta":${op.meta}`;
  return {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: `${head.slice(0, -1)},"value":${op.value}${meta}}`,
  };
}

/** One after another. */
class Lane {
  readonly #write: (due: Due) => Promise<void>;
  readonly #waiting: Due[] = [];
  #running: Promise<void> | null = null;
  #room: (() => void) | null = null;

  constructor(write: (due: Due) => Promise<void>) {
    this.#write = write;
  }

  async add(due: Due): Promise<void> {
    this.#waiting.push(due);
    this.#running ??= this.#run();
    if (this.#waiting.length < MAX_WAITING) return;
    await new Promise<void>((resolve) => {
      this.#room = resolve;
    });
  }

  async end(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let due = this.#waiting.shift(); due !== undefined; due = this.#waiting.shift()) {
      await this.#write(due);
      if (this.#waiting.length >= MAX_WAITING / 2) continue;
      this.#room?.();
      this.#room = null;
    }
    this.#running = null;
  }
}
