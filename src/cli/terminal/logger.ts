/** The node's own log: on stderr, as JSON for machines or as lines for people. */

import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { z } from 'zod';
import type { NodeSettings } from '../../node/settings.ts';
import { onOneLine } from './escape.ts';
import { LogDestination, stderrWriter } from './logDestination.ts';

export type { Logger };

/** A logger, and the number of its lines that could not be written. */
export interface NodeLogger {
  readonly logger: Logger;
  dropped(): number;
  /** Writes waiting lines, as far as there is room; called at the end. */
  flush(): void;
}

export function createLogger(settings: NodeSettings, isTerminal: boolean): NodeLogger {
  const { logFormat, logLevel, nodeId, maxLogBufferBytes } = settings;
  const stderr = new LogDestination(stderrWriter(maxLogBufferBytes), maxLogBufferBytes);
  const asText = logFormat === 'text' || (logFormat === 'auto' && isTerminal);
  const logger = pino(
    {
      level: logLevel,
      base: { node: nodeId },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    asText ? asLines(stderr) : stderr,
  );
  return { logger, dropped: () => stderr.dropped, flush: () => stderr.flush() };
}

function asLines(stream: DestinationStream): DestinationStream {
  return { write: (json) => stream.write(`${logLine(json)}\n`) };
}

const lineSchema = z.looseObject({
  time: z.string(),
  level: z.string(),
  msg: z.string().optional(),
  err: z.looseObject({ stack: z.string().optional() }).optional(),
});

/** `12:30:01.250 warn  A peer was refused. peer=node2`, with an error's stack on the next lines. */
export function logLine(json: string): string {
  const { time, level, msg, err, node: _, ...rest } = lineSchema.parse(JSON.parse(json));
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${fieldText(value)}`);
  const head = [time.slice(11, 23), level.padEnd(5), onOneLine(msg ?? ''), ...fields];
  const stack = err?.stack?.split('\n').map((line) => `\n  ${onOneLine(line)}`) ?? [];
  return head.filter((part) => part !== '').join(' ') + stack.join('');
}

/** Quoted if its end would not be clear. */
function fieldText(value: unknown): string {
  if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) && !/["=]/.test(value))
    return value;
  return onOneLine(JSON.stringify(value));
}
