/**
 * SIGINT, SIGTERM and SIGHUP: the first asks to stop, the second insists. Where there is something to read
 * again, SIGHUP asks for that instead.
 */

import { constants } from 'node:os';

/** If npm has started the command, one Ctrl-C comes twice: from the terminal, and passed on by npm. */
const ONE_PRESS_MS = 500;
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Resolves at the first signal. From then on each further signal calls `insist`.
 *
 * @param reload called at each SIGHUP; null if it stops like the others.
 */
export function stopSignal(
  insist: (signal: NodeJS.Signals) => void,
  reload: (() => void) | null = null,
): Promise<void> {
  let askedAtMs: number | null = null;
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      if (askedAtMs === null) {
        askedAtMs = performance.now();
        resolve();
      } else if (performance.now() - askedAtMs > ONE_PRESS_MS) {
        insist(signal);
      }
    };
    for (const signal of SIGNALS)
      process.on(signal, signal === 'SIGHUP' && reload !== null ? reload : onSignal);
  });
}

/** The exit code that a shell shows for a process that a signal has ended. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
