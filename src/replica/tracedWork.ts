/** Work that takes time, and the span that tells of it. */
import type { Span, SpanFacts, SpanStart, Tracer } from '../words/trace.ts';

/** Does the work within a span, which also ends if the work fails. @param factsOf facts of a result. */
export async function within<T>(
  tracer: Tracer,
  start: SpanStart,
  work: (span: Span) => Promise<T>,
  factsOf: (result: T) => SpanFacts = () => ({}),
): Promise<T> {
  const span = tracer.begin(start);
  try {
    const result = await work(span);
    span.end(factsOf(result));
    return result;
  } catch (error) {
    span.end({}, { fault: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}
