// Registers a tracer provider as a program would, before the node starts: NODE_OPTIONS imports it.
import { isMainThread } from 'node:worker_threads';
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  NodeTracerProvider,
} from '@opentelemetry/sdk-trace-node';

if (isMainThread) {
  const spanProcessors = [new BatchSpanProcessor(new ConsoleSpanExporter())];
  const provider = new NodeTracerProvider({ spanProcessors });
  provider.register();
  process.once('beforeExit', () => provider.shutdown());
}
