/** Log lines of a process, as JSON on stderr. */
import { type Logger, pino } from 'pino';

export const openLog = (name: string, level: string): Logger =>
  pino({ name, level, base: { pid: process.pid } }, pino.destination({ dest: 2, sync: true }));

export type { Logger };
