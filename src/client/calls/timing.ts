/** Waits that can be ended early: every timer and listener here is gone once its work has ended. */

export interface WaitLimits {
  /** The first signal to abort ends the work, with its reason. */
  readonly signals: readonly (AbortSignal | undefined)[];
  /** In milliseconds. */
  readonly timeoutMs: number;
  /** Makes the error with which the work ends when its time is over. */
  readonly timeoutError: () => Error;
}

/**
 * Runs the work with a signal that aborts when the first of the signals does or when the time is over.
 * Rejects then with that reason at once, whether or not the work heeds its signal.
 */
export async function runLimited<T>(
  { signals, timeoutMs, timeoutError }: WaitLimits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (const signal of signals) signal?.throwIfAborted();
  const controller = new AbortController();
  let releaseAll = () => {};
  const ended = new Promise<never>((_resolve, reject) => {
    const end = (reason: unknown) => {
      controller.abort(reason);
      reject(reason);
    };
    const timer = setTimeout(() => end(timeoutError()), timeoutMs);
    const releases = signals.map((signal) => onAbort(signal, end));
    releaseAll = () => {
      clearTimeout(timer);
      for (const release of releases) release();
    };
  });
  try {
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    releaseAll();
  }
}

/**
 * Calls the listener with the signal's reason once the signal aborts. @returns a function that removes
 * the listener.
 */
export function onAbort(
  signal: AbortSignal | undefined,
  listener: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return () => {};
  const abort = () => listener(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/** Resolves after that many milliseconds. Rejects with the signal's reason if it aborts before. */
export async function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const release = onAbort(signal, (reason) => {
      clearTimeout(timer);
      reject(reason);
    });
    const timer = setTimeout(() => {
      release();
      resolve();
    }, delayMs);
  });
}

/**
 * The wait before the next try. It doubles each time, and half of it is random, so that clients that
 * failed together don't come back together.
 *
 * @param failures the number of tries that have failed, from 1.
 */
export function backoffDelayMs(failures: number, leastMs: number, mostMs: number): number {
  const delayMs = Math.min(mostMs, leastMs * 2 ** Math.min(failures - 1, 30));
  return delayMs / 2 + (Math.random() * delayMs) / 2;
}
