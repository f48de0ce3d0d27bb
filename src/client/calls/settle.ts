/**
 * Turns outcomes into results and errors.
 *
 * Invariant: a conflict is reported as one only if this write was certainly not stored. If an attempt
 * went unanswered, it may have been stored, and a later attempt then conflicts with it. So the entry is
 * read, and recognised by the id that the write has put beside its value. If that does not decide, the
 * outcome is an UnknownOutcomeError.
 */
import { ConflictError, PreconditionFailedError, UnknownOutcomeError } from '../errors.ts';
import { instantMember } from '../json.ts';
import type { Settled } from './opSender.ts';
import {
  type Deleted,
  getOp,
  isOwnWrite,
  readDelete,
  readPut,
  type Stored,
  type WireDelete,
  type WireGet,
  type WirePut,
} from './ops.ts';

/** Reads a key after a token, if there is one. */
export type ReadBack = (op: WireGet, after: string | null) => Promise<Settled>;

/**
 * Gives the result at once unless the entry has to be read: a promise for each put of many costs more than the rest.
 *
 * @throws ConflictError, PreconditionFailedError, UnknownOutcomeError, ServerError
 */
export function settlePut(op: WirePut, settled: Settled, read: ReadBack): Stored | Promise<Stored> {
  try {
    return readPut(op, settled);
  } catch (error) {
    const isRefusal = error instanceof ConflictError || error instanceof PreconditionFailedError;
    if (!(isRefusal && settled.mayBeStored)) throw error;
    return knownAgain(op, error, read);
  }
}

/** @throws ConflictError, UnknownOutcomeError, ServerError */
export function settleDelete(op: WireDelete, settled: Settled): Deleted {
  try {
    const deleted = readDelete(op, settled);
    return settled.mayBeStored && deleted.existed === false
      ? { ...deleted, existed: null }
      : deleted;
  } catch (error) {
    if (!(error instanceof ConflictError && settled.mayBeStored)) throw error;
    throw new UnknownOutcomeError(op.key, error.currentVersion, error);
  }
}

async function knownAgain(
  op: WirePut,
  refusal: ConflictError | PreconditionFailedError,
  read: ReadBack,
): Promise<Stored> {
  const { currentVersion, token } = refusal;
  const unknown = (cause: unknown) => new UnknownOutcomeError(op.key, currentVersion, cause);
  const isOther = op.version !== 'next' && op.version !== currentVersion;
  if (op.writeId === null || currentVersion === null || isOther) throw unknown(refusal);
  const found = await read(getOp(op.key), token).catch((error: unknown) => {
    throw unknown(error);
  });
  if (!isOwnWrite(op, found)) throw unknown(refusal);
  const expiresAt = instantMember(found.body, 'expires_at');
  return { version: currentVersion, expiresAt, node: null, token, acks: null, members: null };
}
