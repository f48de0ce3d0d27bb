/** The answers of identity and apis, as the page reads them. One that does not parse is as if it had not come. */
import type { ListedInstance, ListedWorld } from '../../rules/listing.ts';
import { INSTANCE_STATES, MAP_NAMES } from '../../rules/worldConfiguration.ts';

export interface Login {
  readonly access: string;
  /** Seconds until the access token ends. */
  readonly expiresIn: number;
}

export interface GuestLogin extends Login {
  readonly player: string;
  readonly name: string;
  readonly secret: string;
}

export interface SeatOffer {
  readonly region: string;
  readonly world: string;
  readonly instance: string;
  readonly playUrl: string;
  readonly seatToken: string;
}

export interface WorldName {
  readonly region: string;
  readonly world: string;
}

export function readLogin(value: unknown): Login | null {
  if (!isRecord(value) || !isText(value.access) || !isNumber(value.expiresIn)) return null;
  return { access: value.access, expiresIn: value.expiresIn };
}

export function readGuestLogin(value: unknown): GuestLogin | null {
  const login = readLogin(value);
  if (login === null || !isRecord(value)) return null;
  const { player, name, secret } = value;
  if (!isText(player) || !isText(name) || !isText(secret)) return null;
  return { ...login, player, name, secret };
}

export function readName(value: unknown): string | null {
  return isRecord(value) && isText(value.name) ? value.name : null;
}

export function readGoneBy(value: unknown): Date | null {
  if (!isRecord(value) || !isText(value.goneBy)) return null;
  const date = new Date(value.goneBy);
  return Number.isNaN(date.getTime()) ? null : date;
}

export function readSeatOffer(value: unknown): SeatOffer | null {
  if (!isRecord(value)) return null;
  const { region, world, instance, playUrl, seatToken } = value;
  if (!isText(region) || !isText(world) || !isText(instance)) return null;
  if (!isText(playUrl) || !isText(seatToken)) return null;
  return { region, world, instance, playUrl, seatToken };
}

export function readWorldName(value: unknown): WorldName | null {
  if (!isRecord(value) || !isText(value.region) || !isText(value.world)) return null;
  return { region: value.region, world: value.world };
}

export function readListedWorld(value: unknown): ListedWorld | null {
  const place = readWorldName(value);
  if (place === null || !isRecord(value) || !Array.isArray(value.instances)) return null;
  const { name, map, max } = value;
  const known = MAP_NAMES.find((one) => one === map);
  if (!isText(name) || known === undefined || !isNumber(max)) return null;
  const instances = value.instances.flatMap((one) => readInstance(one) ?? []);
  return { ...place, name, map: known, max, instances };
}

function readInstance(value: unknown): ListedInstance | null {
  if (!isRecord(value) || !isText(value.instance) || !isNumber(value.free)) return null;
  const state = INSTANCE_STATES.find((one) => one === value.state);
  return state === undefined ? null : { instance: value.instance, state, free: value.free };
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => Number.isFinite(value);
