/** Requests of clients to the replica, and their outcomes. */
import type { Condition } from './condition.ts';
import { type ColdPut, type Delete, type Put, textLength } from './op.ts';

export interface PutRequest {
  readonly kind: 'put';
  readonly key: string;
  /** From 0 to 2^53 − 2; `next` takes the live version + 1, or 1. */
  readonly version: number | 'next';
  /** From 1 to 10^13, or null for an entry that never expires. */
  readonly ttlMs: number | null;
  /** JSON text. */
  readonly value: string;
  /** superjson's annotations as JSON text, or null. */
  readonly meta: string | null;
  readonly condition?: Condition;
}

export interface DeleteRequest {
  readonly kind: 'delete';
  readonly key: string;
  /** Null deletes any live entry; otherwise only a live entry of at most this version. */
  readonly upToVersion: number | null;
  readonly condition?: Condition;
}

/** Another expiry for the live entry, which keeps its value and version. */
export interface TouchRequest {
  readonly kind: 'touch';
  readonly key: string;
  /** As in `PutRequest`. */
  readonly ttlMs: number | null;
  readonly condition?: Condition;
  /** The live entry as the log has it, where its value was not in memory. */
  readonly known?: Put;
}

export interface GetRequest {
  readonly kind: 'get';
  readonly key: string;
}

export type WriteRequest = PutRequest | DeleteRequest | TouchRequest;
export type Request = WriteRequest | GetRequest;

/** The key has a live entry, whose value has to be read from the log. */
export interface ColdOutcome {
  readonly kind: 'found';
  readonly entry: ColdPut;
}

export type DecidedOutcome = Outcome | ColdOutcome;

/** A get of a batch whose gets before it take as much as they may. */
export interface LeftOut {
  readonly kind: 'leftOut';
}

export const LEFT_OUT: LeftOut = { kind: 'leftOut' };

/** Of one of many requests. */
export type BatchOutcome = Outcome | LeftOut;
export type DecidedBatchOutcome = DecidedOutcome | LeftOut;

/** An outcome adds so many bytes to those that the gets of a batch take. */
export const takenBytes = (outcome: DecidedBatchOutcome): number => {
  if (outcome.kind !== 'found') return 0;
  const { entry } = outcome;
  return entry.value === undefined ? entry.textBytes : textLength(entry);
};

export const found = (entry: Put | ColdPut): DecidedOutcome =>
  entry.value === undefined ? { kind: 'found', entry } : { kind: 'found', entry };

export const isCold = (outcome: DecidedBatchOutcome): outcome is ColdOutcome =>
  outcome.kind === 'found' && outcome.entry.value === undefined;

export type Outcome =
  /** `isTouch`: only the expiry is another. */
  | { readonly kind: 'stored'; readonly op: Put; readonly isTouch?: true }
  /** The live version does not admit the request's. */
  | {
      readonly kind: 'conflict';
      readonly currentVersion: number;
      /** `next` was asked for, but there is no next version. */
      readonly isExhausted?: true;
    }
  /** Keys fill the memory of the node, and the request's would be a new one. */
  | { readonly kind: 'memoryFull' }
  /** The request's condition does not hold; the version is the live one, if there is one. */
  | { readonly kind: 'preconditionFailed'; readonly currentVersion: number | null }
  /**
   * `existed`: the key was live. `op` is null if there was nothing to log: a conditional delete of
   * nothing live.
   */
  | { readonly kind: 'deleted'; readonly op: Delete | null; readonly existed: boolean }
  | { readonly kind: 'found'; readonly entry: Put }
  /** `expired`: the key has an entry, which has expired. */
  | { readonly kind: 'absent'; readonly expired: boolean };
