/** Requests to the server that the page came from. */
import { isRecord } from './answers.ts';

const LIMIT_MS = 10_000;

/** The server has refused, or could not be reached. The message is one sentence for a person. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** Of HTTP; 0: no answer came. */
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | null;

  constructor(status: number, reason: string, detail: string, retryAfterSeconds: number | null) {
    super(detail);
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly access?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Ends the request; by default ten seconds do. */
  readonly signal?: AbortSignal;
}

/** @throws Refusal for any status of 400 or above, and where no answer comes. */
export async function ask(question: Question): Promise<Response> {
  const { method, path, access, headers = {}, body, signal } = question;
  const response = await fetch(path, {
    method,
    headers: { ...(access !== undefined && { Authorization: `Bearer ${access}` }), ...headers },
    signal: signal ?? AbortSignal.timeout(LIMIT_MS),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Refusal(0, 'unreachable', 'The server can not be reached.', null);
  });
  if (response.ok) return response;
  throw await refusalOf(response);
}

/** @throws Refusal as `ask` does, and if the answer is not what was asked for. */
export async function askFor<T>(
  question: Question,
  read: (value: unknown) => T | null,
): Promise<T> {
  const response = await ask(question);
  const answer = read(await response.json().catch(() => null));
  if (answer === null)
    throw new Refusal(
      502,
      'malformed',
      'The server has answered what this page can not read.',
      null,
    );
  return answer;
}

async function refusalOf(response: Response): Promise<Refusal> {
  const problem: unknown = await response.json().catch(() => null);
  const { reason, detail } = isRecord(problem) ? problem : {};
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return new Refusal(
    response.status,
    typeof reason === 'string' ? reason : 'unknown',
    typeof detail === 'string' ? detail : `The server has refused this with ${response.status}.`,
    Number.isFinite(seconds) ? seconds : null,
  );
}
