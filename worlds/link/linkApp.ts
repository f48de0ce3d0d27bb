/** The private listener of the link: an operator reads its state, and cuts and heals it. */
import type { RequestListener } from 'node:http';
import { z } from 'zod';
import type { ServiceGuard } from '../access/serviceTokens.ts';
import { jsonApp, type SeenRoutes } from '../http/jsonApp.ts';
import type { Link } from './link.ts';

/** The target that its service tokens name. */
export const LINK_NAME = 'link';

export interface LinkAppOptions {
  readonly link: Pick<Link, 'isCut' | 'counts'>;
  readonly guard: ServiceGuard;
  readonly onFault: (error: unknown) => void;
  readonly seen?: SeenRoutes;
}

export const linkStateSchema = z.strictObject({ isCut: z.boolean() });

export function linkApp({ link, guard, onFault, seen }: LinkAppOptions): RequestListener {
  const app = jsonApp(
    [
      {
        method: 'GET',
        path: '/state',
        answer: async (request) => {
          await guard.admit(request.header('Authorization'), 'regions.read');
          return { status: 200, body: { isCut: link.isCut, ...link.counts } };
        },
      },
      {
        method: 'PUT',
        path: '/state',
        answer: async (request) => {
          await guard.admit(request.header('Authorization'), 'regions.cut');
          const { isCut } = await request.body(linkStateSchema);
          link.isCut = isCut;
          return { status: 200, body: { isCut } };
        },
      },
      ...(seen?.routes ?? []),
    ],
    onFault,
    undefined,
    seen?.around,
  );
  return app.callback();
}
