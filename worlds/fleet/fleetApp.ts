/** The private listener of a fleet: maintenance sets slots, processes of worlds tell how they are. */
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { ServiceGuard } from '../access/serviceTokens.ts';
import { jsonApp } from '../http/jsonApp.ts';
import { Problem, retryAfter } from '../http/problem.ts';
import { CLOSE_SUPERSEDED, worldMessageSchema } from '../slots/linkMessages.ts';
import { wantedSchema } from '../slots/slotMessages.ts';
import { MAX_INSTANCES, nameSchema } from '../tables/schemas.ts';
import type { Fleet } from './fleet.ts';

export interface FleetAppOptions {
  readonly fleet: Fleet;
  readonly guard: ServiceGuard;
  readonly onFault: (error: unknown) => void;
}

const MAX_MESSAGE_BYTES = 1024;
const CLOSE_MALFORMED = 4400;

const numberSchema = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number);
const slotSchema = z.object({
  world: nameSchema,
  slot: numberSchema.pipe(z.int().min(1).max(MAX_INSTANCES)),
});
const linkSchema = slotSchema.extend({ epoch: numberSchema.pipe(z.int().min(1)) });

type LinkName = z.output<typeof linkSchema>;

export function fleetApp({ fleet, guard, onFault }: FleetAppOptions) {
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
          await guard.admit(request.header('Authorization'), 'slots.set');
          const name = slotSchema.safeParse(request.parameters);
          if (!name.success) throw new Problem(422, 'slot', 'Name a world, and a slot from 1.');
          const { desired, config } = await request.body(wantedSchema);
          const { world, slot } = name.data;
          const wanted = { wanted: desired, configurationVersion: config };
          const { verdict, isNew } = fleet.set(world, slot, wanted);
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
        },
      },
      { method: 'GET', path: '/_health', answer: () => ({ status: 200, body: { status: 'ok' } }) },
    ],
    onFault,
  );
  return app.callback();
}

/** Takes `/link` on the same port. @returns ends all links. */
export function serveLinks(server: Server, { fleet, guard, onFault }: FleetAppOptions): Disposable {
  const sockets = new WebSocketServer({
    ...{ noServer: true, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES },
  });
  server.on('upgrade', (request, stream: Duplex, head) => {
    stream.on('error', () => stream.destroy());
    const url = new URL(request.url ?? '/', 'http://fleet');
    const name = linkSchema.safeParse(Object.fromEntries(url.searchParams));
    if (url.pathname !== '/link' || !name.success) return refuse(stream, '404 Not Found');
    guard
      .admit(request.headers.authorization ?? '', 'link.open')
      .then(() =>
        sockets.handleUpgrade(request, stream, head, (socket) => follow(fleet, socket, name.data)),
      )
      .catch((error: unknown) => {
        if (!(error instanceof Problem)) onFault(error);
        refuse(stream, error instanceof Problem ? `${error.status} Refused` : '500 Failed');
      });
  });
  return {
    [Symbol.dispose]: () => {
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}

function follow(fleet: Fleet, socket: WebSocket, { world, slot, epoch }: LinkName): void {
  socket.on('error', () => socket.terminate());
  if (!fleet.admits(world, slot, epoch)) {
    socket.close(CLOSE_SUPERSEDED);
    return;
  }
  socket.on('message', (data) => {
    if (!fleet.admits(world, slot, epoch)) {
      socket.close(CLOSE_SUPERSEDED);
      return;
    }
    const message = worldMessageSchema.safeParse(jsonOf(data));
    if (message.success) fleet.hear(world, slot, epoch, message.data);
    else socket.close(CLOSE_MALFORMED);
  });
}

function jsonOf(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
