/**
 * Probes for orchestrators and balancers: GET /livez and GET /readyz, as Kubernetes's own servers have them.
 *
 * A node is alive while it answers: in a partition, on a full disk, before it has joined. Killing it would mend none
 * of these. It is ready if each check holds.
 */
import { z } from 'zod';
import { answer } from '../answer/answer.ts';
import { unprocessable } from '../answer/problem.ts';
import { BAD_QUERY } from '../openapi/answers.ts';
import type { Routes } from './route.ts';

/** By name: the reason why requests should go to another node; null if there is none. */
export type Checks = Readonly<Record<string, () => string | null>>;

const TEXT = 'text/plain; charset=utf-8';
const PLAIN = { 'text/plain': {} };

const flag = z.string().optional();

const readyQuery = z.object({
  verbose: flag.meta({ description: 'Lists every check, also where all hold.' }),
  exclude: z
    .string()
    .optional()
    .meta({ description: 'Checks that do not count, separated by commas.' }),
});

export function addProbeRoutes(routes: Routes, checks: Checks): void {
  routes.add({
    method: 'GET',
    path: '/livez',
    needs: 'nothing',
    touches: 'none',
    summary: 'Whether the node answers at all',
    query: z.object({ verbose: flag }),
    answers: { '200': { description: 'It does.', content: PLAIN } },
    handler: ({ ctx }) => answer(ctx, 200, TEXT, 'ok\n'),
  });

  routes.add({
    method: 'GET',
    path: '/readyz',
    needs: 'nothing',
    touches: 'none',
    summary: 'Whether requests should be sent to this node',
    description: 'The reasons are told to callers with the scope `metrics`.',
    query: readyQuery,
    answers: {
      '200': { description: 'They should.', content: PLAIN },
      '503': {
        description: 'They should go to another node; the checks that fail say why.',
        content: PLAIN,
      },
      ...BAD_QUERY,
    },
    handler: ({ ctx, caller, query: { verbose, exclude = '' } }) => {
      const isTold = caller.scopes.has('metrics');
      const excluded = new Set(exclude.split(',').filter((name) => name !== ''));
      refuseUnknown(excluded, checks);
      const lines: string[] = [];
      let isReady = true;
      for (const [name, check] of Object.entries(checks)) {
        const fault = excluded.has(name) ? null : check();
        if (fault !== null) isReady = false;
        lines.push(
          excluded.has(name)
            ? `[+] ${name}: excluded`
            : fault === null
              ? `[+] ${name}: ok`
              : `[-] ${name}: ${isTold ? fault : 'fails'}`,
        );
      }
      lines.push(isReady ? 'ready' : 'not ready');
      const isShort = isReady && verbose === undefined;
      answer(ctx, isReady ? 200 : 503, TEXT, isShort ? 'ok\n' : `${lines.join('\n')}\n`);
    },
  });
}

/** A check that is misspelled would go on to count. @throws Problem 422 */
function refuseUnknown(excluded: ReadonlySet<string>, checks: Checks): void {
  for (const name of excluded)
    if (!Object.hasOwn(checks, name))
      throw unprocessable([
        { field: 'exclude', message: `must name checks: ${Object.keys(checks).join(', ')}` },
      ]);
}
