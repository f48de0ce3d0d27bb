/** Lets the requests under way be answered before a server closes. */
import type { Server } from 'node:http';

/**
 * Counts the requests of the server from now on.
 *
 * @returns stops listening and resolves once none is under way, or after the limit (milliseconds):
 *   a stream of events never ends by itself.
 */
export function drainable(server: Server): (limitMs: number) => Promise<void> {
  let underWay = 0;
  let idle: (() => void) | null = null;
  server.on('request', (_request, response) => {
    underWay++;
    response.once('close', () => {
      underWay--;
      if (underWay === 0) idle?.();
    });
  });
  return async (limitMs) => {
    server.close();
    if (underWay === 0) return;
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, limitMs);
    idle = limit.resolve;
    await limit.promise;
    clearTimeout(timer);
  };
}
