/**
 * The requests of operators: configurations of worlds, drains, and revocations.
 *
 * Invariants: a configuration is written only over the version that its writer has read. Each change that the
 * table of grants allows is in the audit log, whether it was done, refused or failed.
 */
import { z } from 'zod';
import { type Audit, audited } from '../access/audit.ts';
import type { JsonAnswer, JsonRequest, JsonRoute } from '../http/jsonApp.ts';
import { Problem } from '../http/problem.ts';
import type { Action } from '../rules/grants.ts';
import type { WorldConfiguration } from '../rules/worldConfiguration.ts';
import {
  type Configurations,
  REVOCATION_TTL_MS,
  type Revocations,
  type VersionedConfiguration,
} from '../tables/operatorTables.ts';
import { nameSchema, playerSchema, wantedConfigurationSchema } from '../tables/schemas.ts';
import type { Callers } from './callers.ts';

export interface AdminOptions {
  readonly callers: Callers;
  readonly configurations: Pick<Configurations, 'read' | 'create' | 'write' | 'remove'>;
  readonly revocations: Pick<Revocations, 'revoke'>;
  readonly audit: Audit;
  /** UTC milliseconds. */
  readonly now: () => number;
}

const PATH = '/admin/worlds/:region/:world';
/** A drain writes again over an edit of somebody else. */
const MAX_TRIES = 5;

const placeSchema = z.object({ region: nameSchema, world: nameSchema });

type Place = z.output<typeof placeSchema> & {
  /** Such as `eu/meadow`. */
  readonly name: string;
};

export function adminRoutes(options: AdminOptions): JsonRoute[] {
  const { callers, configurations, revocations, audit, now } = options;
  const read = async ({ region, world }: Place): Promise<VersionedConfiguration> => {
    const present = await configurations.read(region, world);
    if (present === null) throw new Problem(404, 'world', 'There is no such world.');
    return present;
  };
  /** @param targetOf throws Problem 422 if the path names none. */
  const change =
    <Target extends { readonly name: string }>(
      action: Action,
      targetOf: (request: JsonRequest) => Target,
      act: (target: Target, request: JsonRequest) => Promise<JsonAnswer>,
    ): JsonRoute['answer'] =>
    async (request) => {
      const caller = await callers.anyone(request, action);
      const target = targetOf(request);
      return audited(audit, { ...caller, action, target: target.name }, () => act(target, request));
    };
  return [
    {
      method: 'GET',
      path: PATH,
      answer: async (request) => {
        await callers.anyone(request, 'configuration.read');
        const place = placeOf(request);
        return answerOf(place, await read(place));
      },
    },
    {
      method: 'PUT',
      path: PATH,
      answer: change('configuration.write', placeOf, async (place, request) => {
        const configuration = await request.body(wantedConfigurationSchema);
        const { region, world } = place;
        const condition = conditionOf(request);
        const present = await configurations.read(region, world);
        if (!holds(condition, present)) throw changed();
        const version =
          present === null
            ? await configurations.create(region, world, configuration, now())
            : await configurations.write(region, world, configuration, present.version);
        if (version === null) throw changed();
        return answerOf(place, { configuration, version });
      }),
    },
    {
      method: 'DELETE',
      path: PATH,
      answer: change('configuration.write', placeOf, async (place, request) => {
        const condition = conditionOf(request);
        const present = await read(place);
        if (!holds(condition, present)) throw changed();
        // Rule 9: without its configuration a world would run on for ever.
        if (present.configuration !== null && present.configuration.desired !== 'stopped')
          throw new Problem(422, 'running', 'Set desired to stopped first.');
        const isDeleted = await configurations.remove(place.region, place.world, present.version);
        if (!isDeleted) throw changed();
        return { status: 200, body: { region: place.region, world: place.world } };
      }),
    },
    {
      method: 'POST',
      path: `${PATH}/drain`,
      answer: change('world.drain', placeOf, async (place) => {
        for (let tries = 0; tries < MAX_TRIES; tries += 1) {
          const present = await read(place);
          if (present.configuration === null)
            throw new Problem(422, 'malformed', 'Put a configuration that parses first.');
          const drained = drainedOf(present.configuration);
          if (drained === present.configuration) return answerOf(place, present);
          const { region, world } = place;
          const version = await configurations.write(region, world, drained, present.version);
          if (version !== null) return answerOf(place, { configuration: drained, version });
        }
        throw changed();
      }),
    },
    {
      method: 'POST',
      path: '/admin/players/:player/revoke',
      answer: change('player.revoke', playerOf, async ({ name: player }) => {
        await revocations.revoke(player, 'operator');
        const until = new Date(now() + REVOCATION_TTL_MS).toISOString();
        return { status: 200, body: { player, until } };
      }),
    },
  ];
}

const drainedOf = (configuration: WorldConfiguration): WorldConfiguration =>
  configuration.desired === 'running' ? { ...configuration, desired: 'drained' } : configuration;

const changed = (): Problem =>
  new Problem(412, 'changed', 'The configuration has another version: read it again.');

/** @throws Problem 422. */
function placeOf(request: JsonRequest): Place {
  const place = placeSchema.safeParse(request.parameters);
  if (!place.success)
    throw new Problem(422, 'name', 'Names have 1 to 32 small letters, digits and hyphens.');
  return { ...place.data, name: `${place.data.region}/${place.data.world}` };
}

/** @throws Problem 422. */
function playerOf(request: JsonRequest): { readonly name: string } {
  const player = playerSchema.safeParse(request.parameters.player);
  if (!player.success) throw new Problem(422, 'player', 'This is no id of a player.');
  return { name: player.data };
}

function answerOf(
  { region, world }: Place,
  { configuration, version }: VersionedConfiguration,
): JsonAnswer {
  return {
    status: 200,
    body: { region, world, version, configuration },
    headers: { ETag: `"${version}"` },
  };
}

/** Of RFC 9110, section 13.1: `absent` is `If-None-Match: *`, `any` is `If-Match: *`. */
type Condition = 'absent' | 'any' | { readonly version: number };

/** @throws Problem 422 without a usable condition. */
function conditionOf(request: JsonRequest): Condition {
  if (request.header('If-None-Match') === '*') return 'absent';
  const match = request.header('If-Match');
  if (match === '*') return 'any';
  const version = /^"(\d{1,16})"$/.exec(match)?.[1];
  if (version !== undefined) return { version: Number(version) };
  throw new Problem(
    422,
    'condition',
    'Send If-Match with the ETag that you have read, or If-None-Match: * for a new world.',
  );
}

function holds(condition: Condition, present: VersionedConfiguration | null): boolean {
  if (condition === 'absent') return present === null;
  if (present === null) return false;
  return condition === 'any' || condition.version === present.version;
}
