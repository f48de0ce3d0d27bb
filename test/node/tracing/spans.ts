/** A tracer provider of this process that keeps its spans, for tests of the nodes in it. */
import { context, propagation, type SpanContext, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';

export class Spans implements Disposable {
  readonly #exporter = new InMemorySpanExporter();

  constructor(sampler?: Sampler) {
    const spanProcessors = [new SimpleSpanProcessor(this.#exporter)];
    new NodeTracerProvider({ spanProcessors, ...(sampler && { sampler }) }).register();
  }

  /** Ended spans of that name in that trace; without it, of any. */
  named(name: string, traceId?: string): ReadableSpan[] {
    return this.#exporter
      .getFinishedSpans()
      .filter(
        (span) =>
          span.name === name && (traceId === undefined || span.spanContext().traceId === traceId),
      );
  }

  forget(): void {
    this.#exporter.reset();
  }

  [Symbol.dispose](): void {
    trace.disable();
    context.disable();
    propagation.disable();
  }
}

/** The ids of the spans that a span links to. */
export const linkedFrom = ({ links }: ReadableSpan): string[] =>
  links.map((link) => link.context.spanId);

export const traceParentOf = ({ traceId, spanId }: SpanContext): string =>
  `00-${traceId}-${spanId}-01`;
