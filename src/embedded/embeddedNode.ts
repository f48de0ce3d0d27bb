/**
 * A node in the program's own process: a read answers from memory at once, and a write is decided and
 * stored like a client's.
 *
 * Invariants: nothing is written before the settings are checked; a value that a read gives belongs to
 * the caller and is no part of the map; the replica itself is not handed out.
 */

import { Tokens } from '../http/answer/tokens.ts';
import { VectorWaits, WaitingRoom } from '../http/wait/vectorWaits.ts';
import type { NodeSettings } from '../node/nodeSettings.ts';
import type { Member } from '../node/startNode.ts';
import type { Replica } from '../replica/replica.ts';
import { within } from '../replica/tracedWork.ts';
import type { ListLimit } from '../store/entryStore.ts';
import { HearsayError, MemoryFullError } from '../words/errors.ts';
import { type ColdPut, isInLog, type Put } from '../words/op.ts';
import type { Outcome, Request } from '../words/requests.ts';
import { MIB } from '../words/size.ts';
import { type Entry, entryOf, instantOf, knownEntry } from './entry.ts';
import { ColdValueError, ConflictError, closedError } from './errors.ts';
import {
  type CheckedList,
  checkKey,
  checkList,
  checkWatch,
  type DeleteOptions,
  deleteRequest,
  type ListOptions,
  type PutOptions,
  putRequest,
  touchRequest,
  type WatchOptions,
} from './requests.ts';
import type { Deleted, OpenNode, Stored } from './runningNode.ts';
import { NodeWatch, type WatchParts } from './watch.ts';

/** How often to check whether a starting node is ready; that may take `joinTimeoutMs`. */
const READY_INTERVAL_MS = 10;
const PAGE_ENTRIES = 256;
const PAGE_BYTES = MIB;

export class EmbeddedNode<Url extends string | null> implements OpenNode {
  readonly nodeId: string;
  readonly url: Url;
  readonly peerUrl: string | null;
  readonly ready: Promise<void>;
  readonly failure: Promise<never>;
  readonly #node: Member;
  readonly #tokens: Tokens;
  readonly #nowMs: () => number;
  readonly #watching: WatchParts;
  #isClosed = false;

  constructor(node: Member & { readonly url: Url }, { nodeId, waitTimeoutMs }: NodeSettings) {
    const { hub, replica } = node;
    this.nodeId = nodeId;
    this.url = node.url;
    this.peerUrl = node.peerUrl;
    const waits = new VectorWaits(replica, new WaitingRoom(replica.limits.maxWaiting));
    this.#watching = { replica, hub, waits, waitTimeoutMs };
    this.failure = node.failure;
    this.#node = node;
    this.#nowMs = () => replica.nowMs();
    this.#tokens = new Tokens(node.replica);
    this.ready = this.#becomeReady();
    this.ready.catch(() => {}); // callers who wait for `ready` get the error
  }

  get origin(): string {
    return this.#node.origin;
  }

  get isReady(): boolean {
    const { isReadable, isWritable } = this.#replica.readiness;
    return !this.#isClosed && isReadable && isWritable;
  }

  get<T = unknown>(key: string): Entry<T> | undefined {
    this.#refuseClosed();
    const { replica, readValues } = this.#node;
    replica.readiness.requireReadable();
    const known = readValues.get(key, this.#nowMs);
    if (known !== undefined) {
      replica.reads.hits++;
      return knownEntry<T>(key, known);
    }
    checkKey(key, replica.limits.maxKeyBytes);
    const outcome = replica.get(key);
    if (outcome.kind !== 'found') return undefined;
    const put = warm(outcome.entry);
    readValues.keep(put);
    return entryOf<T>(put);
  }

  async read<T = unknown>(key: string): Promise<Entry<T> | undefined> {
    this.#refuseClosed();
    checkKey(key, this.#replica.limits.maxKeyBytes);
    const outcome = await this.#replica.reads.get(key);
    return outcome.kind === 'found' ? entryOf<T>(outcome.entry) : undefined;
  }

  list<T = unknown>(options: ListOptions = {}): Generator<Entry<T>, void, undefined> {
    this.#refuseClosed();
    const checked = checkList(options);
    this.#replica.readiness.requireReadable();
    return this.#list<T>(checked);
  }

  readList<T = unknown>(options: ListOptions = {}): AsyncGenerator<Entry<T>, void, undefined> {
    this.#refuseClosed();
    const checked = checkList(options);
    this.#replica.readiness.requireReadable();
    return this.#readList<T>(checked);
  }

  async put(key: string, value: unknown, options: PutOptions = {}): Promise<Stored> {
    this.#refuseClosed();
    const outcome = await this.#submit(putRequest(key, value, options, this.#replica.limits));
    if (outcome.kind !== 'stored') throw refusalOf(key, outcome);
    const { version } = outcome.op;
    return { version, expiresAt: instantOf(outcome.op), token: this.#tokens.ofOutcome(outcome) };
  }

  async touch(key: string, ttlMs: number | null): Promise<Stored | undefined> {
    this.#refuseClosed();
    const outcome = await this.#submit(touchRequest(key, ttlMs, this.#replica.limits));
    if (outcome.kind === 'absent') return undefined;
    if (outcome.kind !== 'stored') throw refusalOf(key, outcome);
    const { version } = outcome.op;
    return { version, expiresAt: instantOf(outcome.op), token: this.#tokens.ofOutcome(outcome) };
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<Deleted> {
    this.#refuseClosed();
    const outcome = await this.#submit(deleteRequest(key, options, this.#replica.limits));
    if (outcome.kind !== 'deleted') throw refusalOf(key, outcome);
    return { existed: outcome.existed, token: this.#tokens.ofOutcome(outcome) };
  }

  watch<T = unknown>(options: WatchOptions = {}): NodeWatch<T> {
    this.#refuseClosed();
    return new NodeWatch<T>(this.#watching, checkWatch(options));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#watching.waits.stop();
    return this.#node.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #replica(): Replica {
    return this.#node.replica;
  }

  async #submit(request: Request): Promise<Outcome> {
    const [outcome] = await within(
      this.#node.tracer,
      { name: `hearsay.${request.kind}`, kind: 'internal', isInCallersSpan: true },
      ({ traceParent }) => this.#replica.submit([request], traceParent),
    );
    if (outcome === undefined) throw new HearsayError('The node gave no outcome of the request.');
    return outcome;
  }

  *#list<T>(options: CheckedList): Generator<Entry<T>, void, undefined> {
    let { startAfter: after, limit: left } = options;
    do {
      this.#refuseClosed();
      const page = this.#replica.list(options.prefix, after, pageLimit(left));
      for (const entry of page.entries) yield entryOf<T>(warm(entry));
      left -= page.entries.length;
      after = page.next;
    } while (after !== null && left > 0);
  }

  async *#readList<T>(options: CheckedList): AsyncGenerator<Entry<T>, void, undefined> {
    let { startAfter: after, limit: left } = options;
    do {
      this.#refuseClosed();
      const page = await this.#replica.reads.list(options.prefix, after, pageLimit(left));
      for (const entry of page.entries) yield entryOf<T>(entry);
      left -= page.entries.length;
      after = page.next;
    } while (after !== null && left > 0);
  }

  #becomeReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        if (this.#isClosed) reject(closedError());
        else if (this.isReady) resolve();
        else return;
        clearInterval(timer);
      };
      const timer = setInterval(settle, READY_INTERVAL_MS);
      this.failure.catch((reason: unknown) => {
        clearInterval(timer);
        reject(reason);
      });
      settle();
    });
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw closedError();
  }
}

const pageLimit = (left: number): ListLimit => ({
  entries: Math.min(left, PAGE_ENTRIES),
  bytes: PAGE_BYTES,
});

/** @throws ColdValueError if the value is not in memory. */
function warm(entry: Put | ColdPut): Put {
  if (isInLog(entry)) throw new ColdValueError(entry.key);
  return entry;
}

function refusalOf(key: string, outcome: Outcome): HearsayError {
  if (outcome.kind === 'memoryFull') return new MemoryFullError();
  if (outcome.kind === 'conflict') return new ConflictError(key, outcome.currentVersion);
  return new HearsayError(
    `The node answered a write with ${outcome.kind}, which is no outcome of a write.`,
  );
}
