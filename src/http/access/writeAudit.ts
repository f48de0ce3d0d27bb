/** Writes in the audit log (`--audit-writes`): the key and the op id of each, and never its value. */
import type { IncomingMessage } from 'node:http';
import type { Audit } from '../../access/audit.ts';
import type { Caller } from '../../access/caller.ts';
import { formatOpId } from '../../words/op.ts';
import type { BatchOutcome } from '../../words/requests.ts';
import type { AddressOf } from '../limits/clientAddress.ts';

/** Tells the writes among the outcomes of a request. Called once they are durable. */
export type WriteAudit = (
  request: IncomingMessage,
  caller: Caller,
  outcomes: readonly BatchOutcome[],
) => void;

export const writeAudit =
  (audit: Audit, addressOf: AddressOf): WriteAudit =>
  (request, caller, outcomes) => {
    const by = { caller: caller.proof.id, address: addressOf(request) };
    for (const outcome of outcomes) {
      // A delete that found nothing logged nothing.
      if ((outcome.kind !== 'stored' && outcome.kind !== 'deleted') || outcome.op === null)
        continue;
      const { op } = outcome;
      audit({ ...by, action: op.kind, target: op.key, op: formatOpId(op) });
    }
  };
