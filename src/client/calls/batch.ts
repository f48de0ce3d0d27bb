/** Several ops in one request and one commit, with their results. */

import {
  type ConflictError,
  HearsayError,
  InvalidRequestError,
  type UnknownOutcomeError,
} from '../errors.ts';
import { checkNames } from '../knownNames.ts';
import type { Entry } from './entry.ts';
import type { OpSender, Settled } from './opSender.ts';
import {
  type Deleted,
  deleteOp,
  getOp,
  putOp,
  readGet,
  readTouch,
  type Stored,
  type Touched,
  touchOp,
  type WireOp,
} from './ops.ts';
import { type ReadBack, settleDelete, settlePut } from './settle.ts';

export type BatchOp =
  | {
      readonly op: 'put';
      readonly key: string;
      readonly value: unknown;
      /** As in `PutOptions`. */
      readonly version?: number | 'next';
      readonly ttlMs?: number | null;
    }
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'touch'; readonly key: string; readonly ttlMs: number | null }
  | { readonly op: 'delete'; readonly key: string; readonly upToVersion?: number };

/** The reason why one op of a batch changed nothing, or may have changed nothing. */
export type Refusal = ConflictError | UnknownOutcomeError;

/** The result of one op. A refusal is a result, because the other ops are carried out all the same. */
export type BatchResult<O extends BatchOp> = O extends { readonly op: 'get' }
  ? Entry | undefined
  : O extends { readonly op: 'put' }
    ? Stored | Refusal
    : O extends { readonly op: 'touch' }
      ? Touched | undefined
      : Deleted | Refusal;

export type BatchResults<Ops extends readonly BatchOp[]> = {
  [Index in keyof Ops]: BatchResult<Ops[Index]>;
};

export interface BatchOptions {
  /** Tokens whose writes the reads must see. */
  readonly after?: string | null;
  readonly signal?: AbortSignal;
}

/** @throws InvalidRequestError, and the errors of `OpSender.send`. */
export async function sendBatch<const Ops extends readonly BatchOp[]>(
  sender: OpSender,
  batchOps: Ops,
  options: BatchOptions,
  read: ReadBack,
): Promise<BatchResults<Ops>> {
  checkNames('batch', options, NAMES);
  const { after = null, signal } = options;
  const { maxBatchOps } = sender.failover.settings;
  if (batchOps.length > maxBatchOps)
    throw new InvalidRequestError(`A batch must not hold more than ${maxBatchOps} ops.`);
  const ops = batchOps.map(toOp);
  const settled = ops.length === 0 ? [] : await sender.send(ops, { after, signal });
  const results = ops.map(async (op, index) => {
    const one = settled[index];
    if (one === undefined) throw new Error('A batch has fewer results than ops.');
    return refusalAsResult(resultOf(op, one, read));
  });
  return (await Promise.all(results)) as BatchResults<Ops>;
}

const NAMES: ReadonlySet<string> = new Set<keyof BatchOptions>(['after', 'signal']);
const GET_NAMES: ReadonlySet<string> = new Set();

function toOp(batchOp: BatchOp): WireOp {
  switch (batchOp.op) {
    case 'put': {
      const { op: _op, key, value, ...options } = batchOp;
      return putOp(key, value, options);
    }
    case 'get': {
      const { op: _op, key, ...options } = batchOp;
      checkNames('get', options, GET_NAMES);
      return getOp(key);
    }
    case 'touch': {
      const { op: _op, key, ttlMs, ...options } = batchOp;
      checkNames('touch', options, GET_NAMES);
      return touchOp(key, ttlMs);
    }
    case 'delete': {
      const { op: _op, key, ...options } = batchOp;
      return deleteOp(key, options);
    }
    default:
      throw new InvalidRequestError("The op of a batch must be 'put', 'get', 'delete' or 'touch'.");
  }
}

async function resultOf(op: WireOp, settled: Settled, read: ReadBack) {
  switch (op.op) {
    case 'put':
      return settlePut(op, settled, read);
    case 'get':
      return readGet(op, settled);
    case 'touch':
      return readTouch(op, settled);
    case 'delete':
      return settleDelete(op, settled);
  }
}

async function refusalAsResult<T>(result: Promise<T>): Promise<T | HearsayError> {
  try {
    return await result;
  } catch (error) {
    const isRefusal =
      error instanceof HearsayError &&
      ['ConflictError', 'UnknownOutcomeError'].includes(error.name);
    if (isRefusal) return error;
    throw error;
  }
}
