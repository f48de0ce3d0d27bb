/** The private listener of a fleet: maintenance sets slots. */
import { type Audit, audited } from '../access/audit.ts';
import type { ServiceGuard } from '../access/serviceTokens.ts';
import { type JsonAnswer, jsonApp, type SeenRoutes } from '../http/jsonApp.ts';
import { Problem, retryAfter } from '../http/problem.ts';
import { wantedSchema } from '../slots/slotMessages.ts';
import type { Fleet } from './fleet.ts';
import { slotSchema } from './slotNames.ts';

export interface FleetAppOptions {
  readonly fleet: Fleet;
  readonly guard: ServiceGuard;
  readonly onFault: (error: unknown) => void;
  readonly audit: Audit;
  readonly seen?: SeenRoutes;
}

export function fleetApp({ fleet, guard, onFault, audit, seen }: FleetAppOptions) {
  const app = jsonApp(
    [
      {
        method: 'GET',
        path: '/slots',
        answer: async (request) => {
          await guard.admit(request.header('Authorization'), 'slots.read');
          return { status: 200, body: { slots: fleet.views() } };
        },
      },
      {
        method: 'PUT',
        path: '/slots/:world/:slot',
        answer: async (request) => {
          const role = await guard.admit(request.header('Authorization'), 'slots.set');
          const name = slotSchema.safeParse(request.parameters);
          if (!name.success) throw new Problem(422, 'slot', 'Name a world, and a slot from 1.');
          const { desired, config } = await request.body(wantedSchema);
          const { world, slot } = name.data;
          const wanted = { wanted: desired, configurationVersion: config };
          const target = `${world}/${slot} ${desired}`;
          return audited(audit, { who: role, role, action: 'slots.set', target }, () =>
            setAnswer(fleet.set(world, slot, wanted)),
          );
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

function setAnswer({ verdict, isNew }: ReturnType<Fleet['set']>): JsonAnswer {
  switch (verdict) {
    case 'older':
      throw new Problem(409, 'configuration older', 'A later configuration counts here.');
    case 'no room':
      throw new Problem(503, 'no room', 'The fleet has no room.', retryAfter(5));
    case 'as it is':
      return { status: 200 };
    case 'set':
      return { status: isNew ? 201 : 202 };
  }
}
