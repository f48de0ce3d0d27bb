/** What no route takes: OPTIONS, methods that a path does not know (RFC 9110, 15.5.6), unknown paths. */
import type { RouterContext } from '@koa/router';
import { answerEmpty } from '../answer/answer.ts';
import { Problem } from '../answer/problem.ts';

const ALL_METHODS = 'DELETE, GET, HEAD, OPTIONS, POST, PUT';

/** The last middleware: it runs where no router has answered. @throws Problem 404, 405 */
export function answerNoRoute(ctx: RouterContext): void {
  if (ctx.path === '*' && ctx.method === 'OPTIONS') {
    answerEmpty(ctx, 204, ['Allow', ALL_METHODS]);
    return;
  }
  const methods = new Set((ctx.matched ?? []).flatMap((layer) => layer.methods));
  if (methods.size === 0) throw new Problem(404, 'There is nothing at this path.');
  const allow = [...methods.add('OPTIONS')].sort().join(', ');
  if (ctx.method === 'OPTIONS') answerEmpty(ctx, 204, ['Allow', allow]);
  else
    throw new Problem(405, `The path does not know ${ctx.method}; it knows ${allow}.`, {
      headers: ['Allow', allow],
    });
}
