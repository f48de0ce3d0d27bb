/** The HTTP interface of an api: listing, joining, a player's own record, and what operators do. */
import type { RequestListener } from 'node:http';
import { z } from 'zod';
import { type JsonAnswer, type JsonRequest, jsonApp, type SeenRoutes } from '../http/jsonApp.ts';
import { Problem, retryAfter } from '../http/problem.ts';
import type { ListingFilter } from '../rules/listing.ts';
import { MAP_NAMES } from '../rules/worldConfiguration.ts';
import type { PlayerRecords } from '../tables/playerRecords.ts';
import { nameSchema } from '../tables/schemas.ts';
import { type AdminOptions, adminRoutes } from './adminRoutes.ts';
import type { Joined, Joins } from './joins.ts';
import { ListingTexts } from './listingTexts.ts';
import { LISTING_PATH, LISTING_TYPE, listingHeaders, readyListings } from './readyListings.ts';
import type { Watchers } from './watchers.ts';
import type { WorldsView } from './worldsView.ts';

export interface ApiOptions extends AdminOptions {
  readonly view: WorldsView;
  readonly joins: Joins;
  readonly watchers: Watchers;
  readonly records: Pick<PlayerRecords, 'read'>;
  readonly onFault: (error: unknown) => void;
  /** Whether an error says that the cache can't be reached. */
  readonly isOutOfReach: (error: unknown) => boolean;
  readonly seen?: SeenRoutes;
}

const filterSchema = z.strictObject({
  region: nameSchema.optional(),
  map: z.enum(MAP_NAMES).optional(),
  open: z.enum(['true', 'false']).optional(),
});

const instanceSchema = z.string().max(80);
const notSchema = z.array(instanceSchema).max(10).default([]);
const fromSchema = instanceSchema.nullable().default(null);
const joinSchema = z.strictObject({ not: notSchema, from: fromSchema });
const anyJoinSchema = z.strictObject({
  regions: z.array(nameSchema).min(1).max(10),
  map: z.enum(MAP_NAMES).optional(),
  not: notSchema,
  from: fromSchema,
});

const KEY_RULE = /^[\w.-]{1,64}$/;

export function apiApp(options: ApiOptions): RequestListener {
  const { view, joins, callers, watchers, records, onFault, isOutOfReach, seen } = options;
  const texts = new ListingTexts();
  const handle = jsonApp(
    [
      {
        method: 'GET',
        path: LISTING_PATH,
        answer: async (request) => {
          await callers.anyone(request, 'worlds.list');
          return listAnswer(view, texts, request);
        },
      },
      {
        method: 'GET',
        path: '/worlds/watch',
        answer: async (request) => {
          const { who: caller } = await callers.anyone(request, 'worlds.list');
          const stream = watchers.admit({
            caller,
            filter: filterOf(request),
            lastEventId: request.header('Last-Event-ID'),
            isAdmitted: () =>
              callers.anyone(request, 'worlds.list').then(
                () => true,
                () => false,
              ),
          });
          return { status: 200, headers: watchers.headers, stream };
        },
      },
      {
        method: 'POST',
        path: '/worlds/:region/:world/join',
        answer: async (request) => {
          const claims = await callers.player(request, 'worlds.join');
          const { region = '', world = '' } = request.parameters;
          const idempotencyKey = keyOf(request);
          const { not, from } = await request.body(joinSchema);
          const text = requestText([region, world, not], from);
          const worlds = [{ region, world }];
          return joinAnswer(
            await joins.join({ claims, idempotencyKey, request: text, worlds, not, from }),
          );
        },
      },
      {
        method: 'POST',
        path: '/join',
        answer: async (request) => {
          const claims = await callers.player(request, 'worlds.join');
          const idempotencyKey = keyOf(request);
          const { regions, map, not, from } = await request.body(anyJoinSchema);
          const text = requestText([regions, map ?? null, not], from);
          const worlds = regions.flatMap((region) =>
            view.listing.list({ region, ...(map !== undefined && { map }) }),
          );
          return joinAnswer(
            await joins.join({ claims, idempotencyKey, request: text, worlds, not, from }),
          );
        },
      },
      {
        method: 'GET',
        path: '/players/me',
        answer: async (request) => {
          const { player } = await callers.player(request, 'player.read');
          const { record } = await records.read(player);
          return { status: 200, body: { player, record } };
        },
      },
      ...adminRoutes(options),
      ...(seen?.routes ?? []),
    ],
    onFault,
    (error) =>
      isOutOfReach(error)
        ? new Problem(503, 'unreachable', 'The cache can not be reached.', retryAfter(2))
        : null,
    seen?.around,
  ).callback();
  const ready = { view, texts, callers, seen };
  return readyListings(ready, (request, response) => void handle(request, response));
}

/** @throws Problem 422 if the query does not parse. */
function filterOf(request: JsonRequest): ListingFilter {
  const parsed = filterSchema.safeParse(Object.fromEntries(request.query));
  if (!parsed.success)
    throw new Problem(422, 'query', 'The query may have region, map and open=true.');
  const { region, map, open } = parsed.data;
  return {
    ...(region !== undefined && { region }),
    ...(map !== undefined && { map }),
    open: open === 'true',
  };
}

function listAnswer(view: WorldsView, texts: ListingTexts, request: JsonRequest): JsonAnswer {
  const { isStale: stale, etag } = view;
  const body = texts.text(etag, String(request.query), () => {
    const worlds = view.listing.list(filterOf(request));
    return JSON.stringify({ worlds, stale });
  });
  const headers = listingHeaders(etag);
  if (request.header('If-None-Match') === etag) return { status: 304, headers };
  return { status: 200, text: { type: LISTING_TYPE, body }, headers };
}

/** Without `from` it is the text of an api that does not know it: a key counts at both. */
const requestText = (parts: readonly unknown[], from: string | null): string =>
  JSON.stringify(from === null ? parts : [...parts, from]);

function joinAnswer({ isNew, ...body }: Joined): JsonAnswer {
  return { status: isNew ? 201 : 200, body };
}

/** @throws Problem 400 without a usable key. */
function keyOf(request: JsonRequest): string {
  const key = request.header('Idempotency-Key');
  if (KEY_RULE.test(key)) return key;
  throw new Problem(
    400,
    'key',
    'Send an Idempotency-Key of 1 to 64 letters, digits, -, _ or dots.',
  );
}
