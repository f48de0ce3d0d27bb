/**
 * The spans of requests, from the head of each until its answer was handed over, and of the times for which
 * requests wait for other nodes. Without a tracer there is no such object, so that a request costs nothing.
 *
 * Neither keys nor values are told, for they may be secret.
 */

import type { IncomingMessage } from 'node:http';
import { within } from '../replica/tracedWork.ts';
import { isTraceParent, type Span, type TraceParent, type Tracer } from '../words/trace.ts';
import { ALWAYS_ANSWERED } from './limits/shedding.ts';

export class RequestTraces {
  readonly #tracer: Tracer;
  readonly #spans = new WeakMap<IncomingMessage, Span>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /**
   * The span is a child of the client's, if its `traceparent` is of version 00. Probes would hide all else.
   */
  begin(req: IncomingMessage, path: string): void {
    if (ALWAYS_ANSWERED.has(path)) return;
    const { method = '', headers } = req;
    const { traceparent } = headers;
    const span = this.#tracer.begin({
      name: method,
      kind: 'server',
      for: isTraceParent(traceparent) ? [traceparent] : [],
      isInCallersSpan: true,
      facts: { 'http.request.method': method },
    });
    this.#spans.set(req, span);
  }

  /** @param route its pattern; undefined where none matched. */
  end(req: IncomingMessage, route: string | undefined, status: number): void {
    const facts = { 'http.response.status_code': status };
    const { method = '' } = req;
    const name = route === undefined ? method : `${method} ${route}`;
    const fault = status >= 500 ? `It is answered with ${status}.` : undefined;
    this.#spans
      .get(req)
      ?.end(route === undefined ? facts : { ...facts, 'http.route': route }, { name, fault });
  }

  /** The span of a request; null if it is not recorded. */
  of(req: IncomingMessage): TraceParent | null {
    return this.#spans.get(req)?.traceParent ?? null;
  }

  /** For the line of the request in the log. */
  idsOf(req: IncomingMessage): { readonly traceId?: string } {
    const traceId = this.#spans.get(req)?.traceId ?? null;
    return traceId === null ? {} : { traceId };
  }

  /** Traces a wait of the request. @param reason a word: `after` or `acks`. */
  wait<T>(req: IncomingMessage, reason: string, wait: () => Promise<T>): Promise<T> {
    const parent = this.of(req);
    if (parent === null) return wait();
    const facts = { 'hearsay.wait': reason };
    return within(
      this.#tracer,
      { name: 'hearsay.wait', kind: 'internal', for: [parent], facts },
      wait,
    );
  }
}

/** The wait, traced if requests are. */
export const tracedWait = <T>(
  traces: RequestTraces | null,
  req: IncomingMessage,
  reason: string,
  wait: () => Promise<T>,
): Promise<T> => (traces === null ? wait() : traces.wait(req, reason, wait));
