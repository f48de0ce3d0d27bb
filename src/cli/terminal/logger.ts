/** The node's own log: on stderr, as JSON for machines or as lines for people. */

import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { z } from 'zod';
import type { RequestLog } from '../../http/exchange.ts';
import type { NodeSettings } from '../../node/settings.ts';
import type { NodeLog } from '../../node/startNode.ts';
import { onOneLine } from './escape.ts';
import { LogDestination, stderrWriter } from './logDestination.ts';

export type { Logger };

/** A logger, and the number of its lines that could not be written. */
export interface NodeLogger {
  readonly logger: Logger;
  /** The same log, as a node writes to it. */
  readonly nodeLog: NodeLog;
  /** Absent if the level leaves requests out. */
  readonly requestLog: RequestLog | undefined;
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
  return {
    logger,
    nodeLog: nodeLog(logger),
    requestLog: logger.isLevelEnabled('debug')
      ? (facts, message) => logger.debug(facts, message)
      : undefined,
    dropped: () => stderr.dropped,
    flush: () => stderr.flush(),
  };
}

/** Pino takes the facts before the message. */
const nodeLog = (logger: Logger): NodeLog => ({
  debug: (message, facts) => logger.debug(facts ?? NO_FACTS, message),
  info: (message, facts) => logger.info(facts ?? NO_FACTS, message),
  warn: (message, facts) => logger.warn(facts ?? NO_FACTS, message),
  error: (details, message) => logger.error(details, message),
});

const NO_FACTS = {};

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
