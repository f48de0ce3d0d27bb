/** Log lines of a process, as JSON on stderr; those of a span have its trace. */
import { type Logger, pino } from 'pino';
import { presentSpan } from './spans.ts';

export const openLog = (name: string, level: string): Logger =>
  pino(
    { name, level, base: { pid: process.pid }, mixin: () => ({ ...presentSpan() }) },
    pino.destination({ dest: 2, sync: true }),
  );

export type { Logger };
