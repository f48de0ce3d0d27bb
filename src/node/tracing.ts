/**
 * Traces by OpenTelemetry: the adapter of the port of traces.
 *
 * Invariant: a node traces if the program has registered a tracer provider before the node starts. If not, the
 * package is not loaded; it need not be installed.
 */
import type * as Api from '@opentelemetry/api';
import type { Note } from '../words/note.ts';
import {
  NO_TRACER,
  type Span,
  type SpanEnd,
  type SpanFacts,
  type SpanStart,
  type TraceParent,
  type Tracer,
} from '../words/trace.ts';
import { packageVersion } from './version.ts';

/** All versions 1.x of the package register under this name, so that copies of it find one another. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

const OTHER_COPY =
  'Nothing is traced: the tracer provider was registered with a version of @opentelemetry/api that does not ' +
  'fit the one beside hearsay. Install one version for both.';
const NOT_INSTALLED =
  'Nothing is traced: a tracer provider is registered, but @opentelemetry/api is not installed beside hearsay.';

/** @returns a tracer that is off, if no provider is registered or it can't be used; the latter is noted. */
export async function openTracer(note: Note): Promise<Tracer> {
  const registered = registeredProvider();
  if (registered === null) return NO_TRACER;
  let api: typeof Api;
  try {
    api = await import('@opentelemetry/api');
  } catch {
    note('warn', NOT_INSTALLED);
    return NO_TRACER;
  }
  if (api.trace.getTracerProvider() !== registered) {
    note('warn', OTHER_COPY);
    return NO_TRACER;
  }
  return new OpenTelemetryTracer(api);
}

function registeredProvider(): unknown {
  const registered: unknown = Reflect.get(globalThis, REGISTERED);
  if (typeof registered !== 'object' || registered === null) return null;
  return Reflect.get(registered, 'trace') ?? null;
}

class OpenTelemetryTracer implements Tracer {
  readonly isOn = true;
  readonly #api: typeof Api;
  readonly #tracer: Api.Tracer;

  constructor(api: typeof Api) {
    this.#api = api;
    this.#tracer = api.trace.getTracer('hearsay', packageVersion());
  }

  begin({ name, kind, for: parents = [], isInCallersSpan, beganAtMs, facts }: SpanStart): Span {
    const { SpanKind, ROOT_CONTEXT } = this.#api;
    const kinds = {
      internal: SpanKind.INTERNAL,
      server: SpanKind.SERVER,
      client: SpanKind.CLIENT,
      producer: SpanKind.PRODUCER,
      consumer: SpanKind.CONSUMER,
    };
    const isRemote = kind === 'server' || kind === 'consumer';
    const contexts = parents.map((parent) => this.#spanContextOf(parent, isRemote));
    // Work that many requests share may run in the context of any of them.
    const around = isInCallersSpan ? this.#api.context.active() : ROOT_CONTEXT;
    const span = this.#tracer.startSpan(
      name,
      {
        kind: kinds[kind],
        ...(facts && { attributes: facts }),
        ...(beganAtMs !== undefined && { startTime: beganAtMs }),
        ...(!isInCallersSpan && { links: contexts.map((context) => ({ context })) }),
      },
      this.#childOf(around, contexts[0]),
    );
    return new OpenTelemetrySpan(this.#api, span);
  }

  /** A span that is active already, such as that of an instrumented HTTP server, is a nearer parent. */
  #childOf(around: Api.Context, parent: Api.SpanContext | undefined): Api.Context {
    const { trace } = this.#api;
    if (parent === undefined || trace.getSpanContext(around) !== undefined) return around;
    return trace.setSpanContext(around, parent);
  }

  #spanContextOf(parent: TraceParent, isRemote: boolean): Api.SpanContext {
    const [, traceId = '', spanId = '', flags = '00'] = parent.split('-');
    return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote };
  }
}

class OpenTelemetrySpan implements Span {
  readonly traceId: string;
  readonly traceParent: TraceParent | null;
  readonly #api: typeof Api;
  readonly #span: Api.Span;

  constructor(api: typeof Api, span: Api.Span) {
    this.#api = api;
    this.#span = span;
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    const isRecorded = (traceFlags & api.TraceFlags.SAMPLED) !== 0;
    this.traceParent = isRecorded ? `00-${traceId}-${spanId}-01` : null;
  }

  end(facts: SpanFacts = {}, { name, fault }: SpanEnd = {}): void {
    this.#span.setAttributes(facts);
    if (name !== undefined) this.#span.updateName(name);
    if (fault !== undefined)
      this.#span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: fault });
    this.#span.end();
  }
}
