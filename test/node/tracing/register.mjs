// Registers a tracer provider as a program would, before the node starts: `node --import` loads it.
import { isMainThread } from 'node:worker_threads';
import {
  ConsoleSpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';

if (isMainThread)
  new NodeTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter())],
  }).register();
