/** The private listener of an instance: apis reserve seats, other worlds displace players, the fleet drains. */
import type { RequestListener } from 'node:http';
import { z } from 'zod';
import type { ServiceGuard } from '../access/serviceTokens.ts';
import { jsonApp, type SeenRoutes } from '../http/jsonApp.ts';
import { Problem, retryAfter } from '../http/problem.ts';
import { MAX_FENCE } from '../rules/fences.ts';
import { nameSchema, playerSchema } from '../tables/schemas.ts';
import type { Reservation } from './reservation.ts';
import type { WorldInstance } from './worldInstance.ts';

export interface ControlOptions {
  readonly instance: WorldInstance;
  readonly name: string;
  readonly guard: ServiceGuard;
  readonly playUrl: string;
  readonly onDrain: (graceMs: number | undefined) => void;
  readonly onFault: (error: unknown) => void;
  readonly seen?: SeenRoutes;
}

const fenceSchema = z.int().min(0).max(MAX_FENCE);
const fenceTextSchema = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
  .pipe(fenceSchema);

const reserveSchema = z.strictObject({
  player: playerSchema,
  session: z.string().min(1).max(100),
  fence: fenceSchema,
  previous: z
    .strictObject({
      region: nameSchema,
      instance: z.string().max(80),
      controlUrl: z.url().max(200),
    })
    .nullable(),
});

const withdrawSchema = z.strictObject({ seatToken: z.string().max(100) });

const drainSchema = z.strictObject({ graceMs: z.int().min(0).max(600_000).optional() });

export const reservedSchema = z.object({
  instance: z.string(),
  playUrl: z.string(),
  seatToken: z.string(),
  expiresAt: z.string(),
});

export function controlApp(options: ControlOptions): RequestListener {
  const { instance, name, guard, playUrl, onDrain, onFault, seen } = options;
  const app = jsonApp(
    [
      {
        method: 'POST',
        path: '/seats',
        answer: async (request) => {
          await guard.admit(request.header('Authorization'), 'seats.reserve');
          const reservation = instance.reserve(await request.body(reserveSchema));
          if (reservation.type === 'refused') throw refusal(reservation);
          const { isNew, token, untilMs } = reservation;
          const expiresAt = new Date(untilMs).toISOString();
          const body = { instance: name, playUrl, seatToken: token, expiresAt };
          return { status: isNew ? 201 : 200, body };
        },
      },
      {
        method: 'POST',
        path: '/seats/withdraw',
        answer: async (request) => {
          await guard.admit(request.header('Authorization'), 'seats.withdraw');
          const { seatToken } = await request.body(withdrawSchema);
          instance.withdraw(seatToken);
          return { status: 204 };
        },
      },
      {
        method: 'DELETE',
        path: '/seats/:player',
        answer: async (request) => {
          await guard.admit(request.header('Authorization'), 'seats.displace');
          const fence = fenceTextSchema.safeParse(request.query.get('fence'));
          if (!fence.success) throw new Problem(422, 'fence', 'fence must be a whole number.');
          const player = request.parameters.player ?? '';
          const answer = await instance.letGo(player, fence.data);
          if (answer === 'older')
            throw new Problem(409, 'older', 'The seat here is newer than the one that asks.');
          return { status: 200, body: answer };
        },
      },
      {
        method: 'POST',
        path: '/drain',
        answer: async (request) => {
          await guard.admit(request.header('Authorization'), 'instance.drain');
          const { graceMs } = await request.body(drainSchema);
          onDrain(graceMs);
          return { status: 202 };
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

function refusal({ reason }: Extract<Reservation, { type: 'refused' }>): Problem {
  switch (reason) {
    case 'full':
      return new Problem(409, reason, 'All seats are taken: join another.', retryAfter(5));
    case 'draining':
      return new Problem(409, reason, 'This world is about to end: join another.', retryAfter(1));
    case 'unsaved':
      return new Problem(503, reason, 'Too many saves wait for the cache.', retryAfter(5));
  }
}
