/**
 * Sends each write when it is due. Keys are spread over lanes. Within a lane one write waits for the
 * one before it, so that the writes on a key keep their order.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { ConflictError, type HearsayClient, JsonText } from '../../client/index.ts';
import { hashKey } from '../../words/hash.ts';
import { type KeyOp, LAST_VERSION } from '../../words/op.ts';
import type { TokenFlags } from '../remote/commandToken.ts';
import { patientClient } from '../remote/patientClient.ts';
import { ttlMsOf } from '../terminal/text.ts';
import { RecentPuts } from './recentPuts.ts';

export interface ReplayTally {
  all: number;
  stored: number;
  deleted: number;
  conflicts: number;
  failed: number;
  firstFailure: string;
  /** The longest delay of a write after its due time, in milliseconds. */
  maxLateMs: number;
}

interface Due {
  readonly op: KeyOp;
  readonly dueMs: number;
}

const LANES = 32;
/** The most writes that may wait in a lane: the file is read no further ahead. */
const MAX_WAITING = 64;

export class ReplaySender {
  readonly sent: ReplayTally = {
    all: 0,
    stored: 0,
    deleted: 0,
    conflicts: 0,
    failed: 0,
    firstFailure: '',
    maxLateMs: 0,
  };
  readonly #client: HearsayClient;
  readonly #lanes: Lane[];
  readonly #recent = new RecentPuts();

  constructor(urls: readonly string[], flags: TokenFlags) {
    // As recorded, each write is a request of its own.
    this.#client = patientClient(urls, flags, false);
    this.#lanes = Array.from({ length: LANES }, () => new Lane((due) => this.#write(due)));
  }

  /** Resolves once there is room for more. @param dueMs by `performance.now()`. */
  async send(op: KeyOp, dueMs: number): Promise<void> {
    const waitMs = dueMs - performance.now();
    // Far before the due time, reading waits; near it, the lane waits.
    if (waitMs > 100) await pause(waitMs - 50);
    await this.#lanes[hashKey(op.key) % LANES]?.add({ op, dueMs });
  }

  async end(): Promise<ReplayTally> {
    await Promise.all(this.#lanes.map((lane) => lane.end()));
    await this.#client.close();
    return this.sent;
  }

  async #write({ op, dueMs }: Due): Promise<void> {
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await pause(waitMs);
    else this.sent.maxLateMs = Math.max(this.sent.maxLateMs, -waitMs);
    this.sent.all++;
    try {
      await this.#carryOut(op);
    } catch (error) {
      if (error instanceof ConflictError) this.sent.conflicts++;
      else this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  async #carryOut(op: KeyOp): Promise<void> {
    const { key, version } = op;
    if (op.kind === 'delete') {
      this.#recent.forget(key);
      // A delete without a version has the last version.
      await this.#client.delete(key, version === LAST_VERSION ? {} : { upToVersion: version });
      this.sent.deleted++;
      return;
    }
    const leftMs = ttlMsOf(op);
    const ttlMs = leftMs === null ? null : Math.max(1, leftMs);
    const isTouch = this.#recent.isAgain(op);
    if (!isTouch || (await this.#client.touch(key, ttlMs)) === undefined)
      await this.#client.put(key, new JsonText(op.value, op.meta), { version, ttlMs });
    this.sent.stored++;
  }

  #fail(reason: string): void {
    if (this.sent.failed === 0) this.sent.firstFailure = reason;
    this.sent.failed++;
  }
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
