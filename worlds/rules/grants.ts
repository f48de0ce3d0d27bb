/**
 * Rule 11: who may do what. A pair of role and action that is not in this table is refused (403).
 *
 * A role is that of a process, or of a person: `player` by an access token, `operator` by a token of
 * `worlds token`.
 */
export const ROLES = [
  'player',
  'operator',
  'edge',
  'identity',
  'api',
  'fleet',
  'maintenance',
  'world',
] as const;

export type Role = (typeof ROLES)[number];

export const ACTIONS = [
  'worlds.list',
  'worlds.join',
  'player.read',
  'player.erase',
  'configuration.read',
  'configuration.write',
  'world.drain',
  'player.revoke',
  'seats.reserve',
  'seats.withdraw',
  'seats.displace',
  'instance.drain',
  'slots.read',
  'slots.set',
  'link.open',
  'regions.read',
  'regions.cut',
] as const;

export type Action = (typeof ACTIONS)[number];

const GRANTS: Readonly<Record<Role, readonly Action[]>> = {
  player: ['worlds.list', 'worlds.join', 'player.read', 'player.erase'],
  operator: [
    'worlds.list',
    'configuration.read',
    'configuration.write',
    'world.drain',
    'player.revoke',
    'slots.read',
    'regions.read',
    'regions.cut',
  ],
  edge: [],
  identity: [],
  api: ['seats.reserve', 'seats.withdraw'],
  fleet: ['instance.drain'],
  maintenance: ['slots.read', 'slots.set'],
  world: ['seats.displace', 'link.open'],
};

export const mayDo = (role: Role, action: Action): boolean => GRANTS[role].includes(action);

export const isRole = (text: string): text is Role => ROLES.some((role) => role === text);

/** The scopes of a player's access token, each with its actions. */
const SCOPES: Readonly<Record<string, readonly Action[]>> = {
  'worlds:list': ['worlds.list'],
  'worlds:join': ['worlds.join'],
  'player:read': ['player.read'],
  'player:erase': ['player.erase'],
};

export const PLAYER_SCOPE = Object.keys(SCOPES).join(' ');

/** @param scope of an access token: words separated by spaces. Unknown words grant nothing. */
export function scopeAllows(scope: string, action: Action): boolean {
  return scope
    .split(' ')
    .some((word) => Object.hasOwn(SCOPES, word) && SCOPES[word]?.includes(action));
}
