/**
 * Traces over processes (W3C Trace Context): each request, and each run of maintenance, is a span. The span
 * of the work under way goes with it through all that it awaits, into its log lines and its own requests.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomFillSync } from 'node:crypto';

/** As log lines have it. */
export interface Span {
  /** 32 hexadecimal digits: the same in all processes. */
  readonly trace: string;
  /** 16 hexadecimal digits. */
  readonly span: string;
  /** The span that asked for this one. */
  readonly parent?: string;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
const NOBODY = /^0+$/;

const present = new AsyncLocalStorage<Span>();

/** Drawn for many spans at a time: to ask the system for each took a fifteenth of a listing. */
const drawn = Buffer.alloc(4096);
let used = drawn.length;

function randomHex(bytes: number): string {
  if (used + bytes > drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  used += bytes;
  return drawn.toString('hex', used - bytes, used);
}

/** @param traceparent of the one who asks; malformed or empty: a new trace begins. */
export function spanAfter(traceparent: string): Span {
  const [, trace = '', parent = ''] = TRACEPARENT.exec(traceparent) ?? [];
  const span = randomHex(8);
  const isTold = trace !== '' && !NOBODY.test(trace) && !NOBODY.test(parent);
  return isTold ? { trace, span, parent } : { trace: randomHex(16), span };
}

export const inSpan = <T>(span: Span, work: () => T): T => present.run(span, work);

/** Work that goes on by itself, such as a timer that sets itself anew, belongs to no span. */
export const outsideOfSpans = <T>(work: () => T): T => present.exit(work);

/** The span of the work under way; undefined for none. */
export const presentSpan = (): Span | undefined => present.getStore();

export const traceparentOf = ({ trace, span }: Span): string => `00-${trace}-${span}-01`;

/** Headers by which another process continues the trace. */
export function traceHeaders(): Readonly<Record<string, string>> {
  const span = presentSpan();
  return span === undefined ? {} : { traceparent: traceparentOf(span) };
}
