/** Settings: the node's messages to people. */
import { choice, size } from '../settingKinds.ts';

export const loggingRows = {
  logLevel: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    help: 'the least important log line to write to stderr',
  }),
  logFormat: choice(['auto', 'json', 'text'], {
    default: 'auto',
    help: 'form of a log line; auto: text on a terminal, else json',
  }),
  maxLogBufferBytes: size('1KiB', '1GiB', {
    default: '1MiB',
    help: 'most bytes of log lines that wait for a slow reader of stderr; beyond it, lines are dropped',
  }),
};
