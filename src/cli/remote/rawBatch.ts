/** Many PUTs in one request, their values as the text that they are. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { HearsayError } from '../../words/errors.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import type { NodeAddress } from './urlReader.ts';

export interface BatchPut {
  readonly key: string;
  readonly version: number;
  readonly ttlMs: number | null;
  /** JSON text. */
  readonly value: string;
  readonly meta: string | null;
}

export interface Result {
  readonly status: number;
  readonly detail: string;
  readonly currentVersion: number | null;
}

const resultSchema = z.looseObject({
  status: z.number(),
  detail: z.string().optional(),
  current_version: z.number().optional(),
});
const answerSchema = z.object({ results: z.array(resultSchema) });

const ANSWER_LIMIT_MS = 60_000;
const MAX_RETRIES = 30;
/** The request as a whole is refused for one of its ops, or for their sum. */
const REFUSED_WHOLE: ReadonlySet<number> = new Set([400, 413, 422]);

/** @returns a result for each. @throws HearsayError where the node can't be reached or fails. */
export async function sendBatch(
  address: NodeAddress,
  puts: readonly BatchPut[],
): Promise<readonly Result[]> {
  const response = await post(address, puts);
  const text = await response.text();
  if (response.ok) return answerSchema.parse(JSON.parse(text)).results.map(resultOf);
  if (!REFUSED_WHOLE.has(response.status))
    throw new HearsayError(`${address.url} answered ${response.status} (${detailOf(text)}).`);
  if (puts.length === 1)
    return [{ status: response.status, detail: detailOf(text), currentVersion: null }];
  const half = Math.ceil(puts.length / 2);
  return [
    ...(await sendBatch(address, puts.slice(0, half))),
    ...(await sendBatch(address, puts.slice(half))),
  ];
}

async function post({ url }: NodeAddress, puts: readonly BatchPut[]): Promise<Response> {
  const body = `{"ops":[${puts.map(putText).join(',')}]}`;
  for (let retries = 0; ; retries++) {
    const response = await fetch(`${url}/cache`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    }).catch((error: unknown) => {
      throw new HearsayError(`No node answers at ${url}.`, { cause: error });
    });
    if (response.status !== 503 || retries >= MAX_RETRIES) return response;
    await response.body?.cancel();
    await pause(RETRY_AFTER_MS);
  }
}

function putText({ key, version, ttlMs, value, meta }: BatchPut): string {
  const head = JSON.stringify({
    op: 'put',
    key,
    version,
    ...(ttlMs !== null && { ttl_ms: ttlMs }),
  });
  return `${head.slice(0, -1)},"value":${value}${meta === null ? '' : `,"meta":${meta}`}}`;
}

const resultOf = (result: z.output<typeof resultSchema>): Result => ({
  status: result.status,
  detail: result.detail ?? `status ${result.status}`,
  currentVersion: result.current_version ?? null,
});

function detailOf(text: string): string {
  try {
    const { detail } = z.object({ detail: z.string() }).parse(JSON.parse(text));
    return detail.replace(/\.$/, '');
  } catch {
    return 'without saying why';
  }
}
