/** The log of a running node, read over HTTP. */

import { factsOf } from '../../log/tools/factsJson.ts';
import type { LinePage, LineReader, LineRequest } from '../../log/tools/lineReader.ts';
import { type Fields, parseLine } from '../../log/tools/rowLine.ts';
import type { LogFacts, PageFault } from '../../log/tools/source.ts';
import { HearsayError } from '../../words/errors.ts';
import { isCount } from '../../words/shape.ts';

const ANSWER_LIMIT_MS = 60_000;

export interface NodeAddress {
  /** Base URL. */
  readonly url: string;
  readonly token: string;
}

/** @throws HearsayError that says what the node, or the way to it, refuses. */
export async function ask(
  { url, token }: NodeAddress,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = { 'X-Internal-Token': token, ...init.headers };
  const signal = init.signal ?? AbortSignal.timeout(ANSWER_LIMIT_MS);
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, { ...init, headers, signal });
  } catch (error) {
    throw new HearsayError(`No node answers at ${url} (${reasonOf(error)}).`, { cause: error });
  }
  if (response.ok) return response;
  throw new HearsayError(await refusal(url, path, response));
}

export async function askJson(
  address: NodeAddress,
  path: string,
  init?: RequestInit,
): Promise<Fields> {
  return parseLine(await (await ask(address, path, init)).text());
}

async function refusal(url: string, path: string, response: Response): Promise<string> {
  const detail = await detailOf(response);
  if (response.status === 401)
    return `${url} refuses the token: give the cluster's by --token, or in INTERNAL_TOKEN.`;
  if (response.status === 404 && path.startsWith('/_'))
    return detail?.startsWith('There is nothing') === false
      ? detail
      : `${url} does not know ${path.split('?')[0]}: it is no node of Hearsay, or an older one.`;
  return detail ?? `${url} answered ${response.status} to ${path.split('?')[0]}.`;
}

async function detailOf(response: Response): Promise<string | null> {
  try {
    const { detail } = parseLine(await response.text());
    return typeof detail === 'string' ? detail : null;
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return cause.message || code || cause.name;
}

export class UrlReader implements LineReader {
  readonly #address: NodeAddress;

  constructor(address: NodeAddress) {
    this.#address = address;
  }

  async facts(): Promise<LogFacts> {
    return factsOf(await askJson(this.#address, '/_log'));
  }

  async lines(request: LineRequest): Promise<LinePage> {
    const response = await ask(this.#address, `/_log/rows?${queryOf(request)}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const end = bytes.lastIndexOf(LINE_FEED, bytes.length - 2) + 1;
    const { next, fault } = parseLine(new TextDecoder().decode(bytes.subarray(end)));
    return {
      lines: bytes.subarray(0, end),
      rows: 0,
      next: isCount(next) ? next : null,
      fault: faultOf(fault),
    };
  }

  /** Lines of rows as they come, with everything after that lsn; ends with the connection. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<string> {
    const path = `/_log/rows?after=${after}&follow=true`;
    const response = await ask(this.#address, path, { signal });
    if (response.body === null) return;
    let rest = '';
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{"lsn":')) yield line;
    }
  }

  async close(): Promise<void> {}
}

const LINE_FEED = 0x0a;

/** With a limit, an answer is one page. */
function queryOf(request: LineRequest): string {
  switch (request.type) {
    case 'rows': {
      const { after, upTo, limit, withValues } = request;
      return `after=${after}&upto=${upTo}&limit=${limit.maxRows}${withValues ? '' : '&values=false'}`;
    }
    case 'before':
      return `before=${request.lsn}&limit=${request.limit.maxRows}`;
    case 'at':
      return `lsns=${request.lsns.join(',')}`;
    case 'on': {
      const { key, after, upTo } = request;
      return `key=${encodeURIComponent(key)}&after=${after}&upto=${upTo}&limit=1`;
    }
  }
}

function faultOf(value: unknown): PageFault | null {
  if (typeof value !== 'object' || value === null) return null;
  const { afterLsn, upToLsn, message }: Fields = { ...value };
  if (!isCount(afterLsn) || typeof message !== 'string') return null;
  return { afterLsn, upToLsn: isCount(upToLsn) ? upToLsn : null, message };
}
