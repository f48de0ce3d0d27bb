/**
 * Heads of answers, each as one text. `writeHead` looks at each header anew, which takes a tenth of a GET
 * (docs/performance.md). The last lines of a head stay the same for a second: the date, and how long the connection is
 * kept. They are taken from a head that Node wrote itself.
 *
 * Invariant: a head is the one that `writeHead` would write, byte by byte. So `writeHead` writes all heads that may differ
 * in more: of a connection that ends with the answer, with headers that were set before, and for a client that expects
 * 100 Continue.
 */
import type { ServerResponse } from 'node:http';
import { http } from '../../net/http.ts';

/** A head whose parts are all made here: nothing of it comes from a client. */
export interface KnownHead {
  /** Of an answer with a body. */
  readonly status: number;
  readonly contentType: string;
  readonly contentLength: number;
  /** Null: no cache may store the answer. */
  readonly etag: string | null;
}

/** Node keeps the head of a response here until it sends it. A Node without this field writes all heads itself. */
const HEAD = '_header';

/** The heads of one server, or of several that keep their connections alike. */
export class TextHeads {
  /** The second that `#lastLines` are of, since the epoch. */
  #second = -1;
  #lastLines = '';
  readonly #nowMs: () => number;

  /** @param nowMs the clock that Node takes the date from, UTC milliseconds. */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** As `writeHead`. @throws ERR_HTTP_HEADERS_SENT if the response has a head. */
  write(response: ServerResponse, head: KnownHead): void {
    if (!isPlain(response)) {
      writeKnownHead(response, head);
      return;
    }
    const second = Math.floor(this.#nowMs() / 1000);
    if (second === this.#second) {
      response.statusCode = head.status;
      response[HEAD] = `${firstLines(head)}${this.#lastLines}`;
      return;
    }
    writeKnownHead(response, head);
    this.#learn(response[HEAD], firstLines(head), second);
  }

  /** Node's date may lag behind the clock for a moment: then the next head is Node's, too. */
  #learn(written: unknown, first: string, second: number): void {
    if (typeof written !== 'string' || !written.startsWith(first)) return;
    const date = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    if (!written.startsWith(date, first.length)) return;
    this.#second = second;
    this.#lastLines = written.slice(first.length);
  }
}

type Plain = ServerResponse & Record<typeof HEAD, unknown>;

/** Whether nothing but its known head decides the head of the response. */
const isPlain = (response: ServerResponse): response is Plain =>
  HEAD in response &&
  response[HEAD] === null &&
  response.shouldKeepAlive &&
  response.req.headers.expect === undefined &&
  response.getHeaderNames().length === 0;

/** Leaves the head to Node. @throws ERR_HTTP_HEADERS_SENT if the response has one. */
export function writeKnownHead(response: ServerResponse, head: KnownHead): void {
  const { status, contentType, contentLength, etag } = head;
  response.writeHead(status, [
    'Content-Type',
    contentType,
    'Content-Length',
    String(contentLength),
    ...(etag === null ? [] : ['ETag', etag]),
    'Cache-Control',
    etag === null ? 'no-store' : 'no-cache',
  ]);
}

function firstLines({ status, contentType, contentLength, etag }: KnownHead): string {
  const begin = `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Type: ${contentType}\r\nContent-Length: ${contentLength}\r\n`;
  return etag === null
    ? `${begin}Cache-Control: no-store\r\n`
    : `${begin}ETag: ${etag}\r\nCache-Control: no-cache\r\n`;
}
