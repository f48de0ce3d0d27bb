/**
 * Traces: the places in them, as W3C Trace Context writes them, and the port through which a node tells of
 * its work.
 *
 * Invariant: a trace decides nothing. It is in no op, no hash and no log, and work that nobody traces is done
 * without it.
 */

/** A span of a trace that is recorded: version 00 of `traceparent`. */
export type TraceParent = string;

/** The most traces that a delta names. */
export const MAX_TRACES = 32;

const TRACE_PARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Whether it is a `traceparent` of version 00 (W3C Trace Context, section 3.2), 55 characters long. */
export const isTraceParent = (value: unknown): value is TraceParent =>
  typeof value === 'string' && TRACE_PARENT.test(value);

/** The first `MAX_TRACES` of them, each once, without those of another form. */
export function boundedTraces(values: Iterable<unknown>): TraceParent[] {
  const traces = new Set<TraceParent>();
  for (const value of values) {
    if (traces.size === MAX_TRACES) break;
    if (isTraceParent(value)) traces.add(value);
  }
  return [...traces];
}

/** Facts of a span, by name. */
export type SpanFacts = Readonly<Record<string, string | number>>;

export interface SpanStart {
  readonly name: string;
  /** The kinds of OpenTelemetry; a `server` and a `consumer` work for another process. */
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** The spans that this one works for: it is a child of the first, and links to each. */
  readonly for?: readonly TraceParent[];
  /** Whether the span that the calling program is in, if there is one, is the parent. */
  readonly isInCallersSpan?: true;
  /** When the work began, by `Timers.steadyMs`; by default now. */
  readonly beganAtMs?: number;
  readonly facts?: SpanFacts;
}

export interface SpanEnd {
  /** A better name than at the begin. */
  readonly name?: string | undefined;
  /** Why the work failed, in one sentence. */
  readonly fault?: string | undefined;
}

/** A piece of work under way. */
export interface Span {
  /** 32 hexadecimal digits; null if nothing traces. */
  readonly traceId: string | null;
  /** The span, for work that it causes; null if it is not recorded. */
  readonly traceParent: TraceParent | null;
  end(facts?: SpanFacts, how?: SpanEnd): void;
}

export interface Tracer {
  /** Whether anybody traces; if not, callers on hot paths need not begin spans. */
  readonly isOn: boolean;
  begin(start: SpanStart): Span;
}

const NO_SPAN: Span = { traceId: null, traceParent: null, end: () => {} };

/** Traces nothing. */
export const NO_TRACER: Tracer = { isOn: false, begin: () => NO_SPAN };
