/** Many keys as they were at one point: POST /cache/get. */
import { z } from 'zod';
import { entriesOfKeys } from '../../log/tools/entriesAt.ts';
import type { Replica } from '../../replica/replica.ts';
import type { Limits } from '../../words/limits.ts';
import type { Put } from '../../words/op.ts';
import type { Callers } from '../access/callers.ts';
import { answerJson } from '../answer/answer.ts';
import { entryMembers } from '../answer/outcomeText.ts';
import { Problem, unprocessable } from '../answer/problem.ts';
import { manySchema } from '../openapi/answerSchemas.ts';
import { BAD_BODY, json, NOT_HERE_YET, OTHER_CLUSTER, UNKNOWN_YET } from '../openapi/answers.ts';
import { refuseConditions } from '../request/conditions.ts';
import type { Schemas } from '../request/schemas.ts';
import { afterHeaders } from '../wait/after.ts';
import { AT_ANSWERS, type PastSource, readPast } from './pastEntry.ts';
import type { Routes } from './route.ts';

export interface GetManyRouteOptions {
  readonly replica: Replica;
  readonly limits: Limits;
  readonly schemas: Schemas;
  readonly callers: Callers;
  /** Null: the log is in memory, and the node can't read its past. */
  readonly past: PastSource | null;
}

export function addGetManyRoute(
  routes: Routes,
  { replica, limits, schemas, callers, past }: GetManyRouteOptions,
): void {
  routes.add({
    method: 'POST',
    path: '/cache/get',
    needs: 'read',
    touches: 'none',
    summary: 'Read many entries as they are, or were, at one point',
    description:
      'The entries are of one moment: no write of this node, and no batch, lies between two of them. Each key must be within the prefixes of the token.',
    query: z.object({}),
    headers: z.object(afterHeaders),
    body: schemas.getManyBody,
    beforeBodyCheck: (parsed) => refuseTooMany(parsed, limits.maxBatchOps),
    answers: {
      '200': json(
        'One entry a key, in the order of the keys; null where it is absent.',
        manySchema,
      ),
      ...UNKNOWN_YET,
      ...AT_ANSWERS,
      ...OTHER_CLUSTER,
      ...BAD_BODY,
      ...NOT_HERE_YET,
    },
    handler: async ({ ctx, caller, readBody }) => {
      refuseConditions(ctx.req);
      const { keys, at } = (await readBody()).checked;
      for (const [index, key] of keys.entries())
        callers.requireWithin(caller, key, `keys.${index}`);
      replica.readiness.requireReadable();
      const entries =
        at === undefined || past === null
          ? await replica.reads.atOneMoment(keys, limits.maxBatchAnswerBytes)
          : await past.slow.answer(ctx.res, () =>
              pastOf(past, at, keys, limits.maxBatchAnswerBytes),
            );
      if (entries === null) throw tooLong(limits.maxBatchAnswerBytes);
      answerJson(ctx, manyText(entries, limits.maxBatchAnswerBytes));
    },
  });
}

/** @returns null if the entries are longer together than `maxBytes`. */
async function pastOf(
  past: PastSource,
  at: string,
  keys: readonly string[],
  maxBytes: number,
): Promise<readonly (Put | undefined)[] | null> {
  const found = await readPast(past, at, (source, moment, walk) =>
    entriesOfKeys(source, moment, walk, keys, maxBytes),
  );
  return found === null ? null : keys.map((key) => found.get(key)?.op);
}

/** Checked before each key, because a body has room for a hundred thousand keys. */
function refuseTooMany(parsed: unknown, maxKeys: number): void {
  if (typeof parsed !== 'object' || parsed === null || !('keys' in parsed)) return;
  if (Array.isArray(parsed.keys) && parsed.keys.length > maxKeys)
    throw unprocessable([{ field: 'keys', message: `must not hold more than ${maxKeys} keys` }]);
}

const tooLong = (maxBytes: number): Problem =>
  new Problem(413, `The entries are longer than ${maxBytes} bytes together: ask for fewer keys.`);

/** @throws Problem 413: a part of the entries would be no state of the cache. */
function manyText(entries: readonly (Put | undefined)[], maxBytes: number): string {
  let bytes = 0;
  const texts = entries.map((entry) => {
    if (entry === undefined) return 'null';
    const text = `{"key":${JSON.stringify(entry.key)},${entryMembers(entry)}}`;
    bytes += Buffer.byteLength(text);
    if (bytes > maxBytes) throw tooLong(maxBytes);
    return text;
  });
  return `{"entries":[${texts.join()}]}`;
}
