/** Makes requests of clients and keeps the history of them. */
import { z } from 'zod';
import { type Answer, type Call, NO_ANSWER, PLAIN_REQUEST, type Request } from '../history/call.ts';
import type { ChaosNode } from '../nodes/node.ts';
import { at } from '../nodes/nodes.ts';

/** After it a call counts as unanswered; longer than `--wait-timeout`. */
const CALL_TIMEOUT_MS = 8_000;
/** The milliseconds that a PUT with acks waits for them. */
const ACKS_TIMEOUT_MS = 2_000;

/** At the end of a value's name: it is sent with padding. */
export const LARGE_MARK = '+';
const LARGE_VALUE_BYTES = 12_000;

const answerSchema = z.object({
  value: z.unknown().optional(),
  version: z.number().optional(),
  current_version: z.number().nullish(),
  expires_at: z.string().nullish(),
  token: z.string().optional(),
  acks: z.number().optional(),
});

export class Caller {
  readonly calls: Call[] = [];
  readonly #nodes: readonly ChaosNode[];

  constructor(nodes: readonly ChaosNode[]) {
    this.#nodes = nodes;
  }

  /** Never rejects: a call that got no answer says why. */
  async call(worker: string, wish: Partial<Request>): Promise<Call> {
    const request: Request = { ...PLAIN_REQUEST, ...wish };
    const node = at(this.#nodes, request.node);
    const { life, troubles } = node;
    const wasWell = !node.isTroubled;
    const startMs = Date.now();
    const answer = await ask(node.clientUrl, request);
    const endMs = Date.now();
    if (request.method === 'PUT' && answer.status === 200 && answer.token !== null)
      if (node.life === life) node.sawToken(answer.token);
    const call: Call = {
      request,
      answer,
      worker,
      life,
      crossedLives: node.life !== life,
      nodeWasWell: wasWell && node.troubles === troubles,
      startMs,
      endMs,
    };
    this.calls.push(call);
    return call;
  }
}

async function ask(url: string, request: Request): Promise<Answer> {
  const { method, key, version, condition, after, acks } = request;
  const query = [
    method === 'DELETE' && version !== null ? `version=${version}` : '',
    acks === null ? '' : `acks=${acks}&timeout_ms=${ACKS_TIMEOUT_MS}`,
  ].filter((part) => part !== '');
  const path = `${url}/cache/${encodeURIComponent(key)}${query.length > 0 ? '?' : ''}${query.join('&')}`;
  try {
    const response = await fetch(path, {
      method,
      headers: {
        ...(method === 'PUT' ? { 'Content-Type': 'application/json' } : {}),
        ...(condition === 'absent' ? { 'If-None-Match': '*' } : {}),
        ...(condition === 'live' ? { 'If-Match': '*' } : {}),
        ...(after === null ? {} : { 'Hearsay-After': after }),
      },
      body: method === 'PUT' ? bodyOf(request) : null,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    return answerOf(response.status, await response.text());
  } catch (error) {
    return { ...NO_ANSWER, reason: error instanceof Error ? error.name : String(error) };
  }
}

function bodyOf({ value, version, ttlMs }: Request): string {
  const padding = value?.endsWith(LARGE_MARK) ? `:${'x'.repeat(LARGE_VALUE_BYTES)}` : '';
  const ttl = ttlMs === null ? {} : { ttl_ms: ttlMs };
  return JSON.stringify({ value: `${value}${padding}`, version, ...ttl });
}

function answerOf(status: number, text: string): Answer {
  // A proxy before the node, or a connection cut short, may leave no JSON.
  const body = answerSchema.parse(text === '' ? {} : JSON.parse(text));
  return {
    status,
    reason: null,
    value: typeof body.value === 'string' ? nameOfValue(body.value) : null,
    version: body.version ?? null,
    currentVersion: body.current_version ?? null,
    expiresAt: typeof body.expires_at === 'string' ? Date.parse(body.expires_at) : null,
    token: body.token ?? null,
    acks: body.acks ?? null,
  };
}

/** A value is its name, and perhaps padding behind a colon. */
export const nameOfValue = (value: string): string => value.split(':', 1)[0] ?? value;
