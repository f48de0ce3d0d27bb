import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheGrant } from '../../rules/cacheGrants.ts';
import { ACTIONS, mayDo, PLAYER_SCOPE, ROLES, scopeAllows } from '../../rules/grants.ts';

const grants = suite('grants');

grants('the table grants these pairs and no others', () => {
  const granted = ROLES.flatMap((role) =>
    ACTIONS.filter((action) => mayDo(role, action)).map((action) => `${role} ${action}`),
  );
  assert.equal(granted, [
    'player worlds.list',
    'player worlds.join',
    'player player.read',
    'player player.erase',
    'operator worlds.list',
    'operator configuration.read',
    'operator configuration.write',
    'operator world.drain',
    'operator player.revoke',
    'operator slots.read',
    'operator regions.read',
    'operator regions.cut',
    'api seats.reserve',
    'api seats.withdraw',
    'fleet instance.drain',
    'maintenance slots.read',
    'maintenance slots.set',
    'world seats.displace',
    'world link.open',
  ]);
});

grants('a scope allows its own action, whole words only', () => {
  assert.ok(scopeAllows(PLAYER_SCOPE, 'worlds.join'));
  assert.ok(scopeAllows('x worlds:list', 'worlds.list'));
  assert.not.ok(scopeAllows('worlds:list', 'worlds.join'));
  assert.not.ok(scopeAllows('worlds:lists', 'worlds.list'));
  assert.not.ok(scopeAllows('', 'worlds.list'));
  assert.not.ok(scopeAllows('constructor __proto__', 'worlds.list'));
  assert.not.ok(scopeAllows(PLAYER_SCOPE, 'seats.reserve'));
});

grants('no process writes the keys of another kind of process, but the records of players', () => {
  const writers = new Map<string, string[]>();
  for (const role of ROLES)
    for (const prefix of cacheGrant(role, 'eu')?.writes ?? [])
      writers.set(prefix, [...(writers.get(prefix) ?? []), role]);
  assert.equal(Object.fromEntries([...writers].filter(([, roles]) => roles.length > 1)), {
    // Identity deletes them.
    'worlds/player/': ['identity', 'world'],
    // Identity deletes those of an erased player.
    'worlds/once/': ['identity', 'api'],
    // An api writes them in the name of operators.
    'worlds/config/': ['operator', 'api'],
    'worlds/revoked/': ['operator', 'identity', 'api'],
  });
});

grants('a world may write the sessions of its own region only', () => {
  assert.ok(cacheGrant('world', 'eu')?.writes.includes('worlds/session/eu/'));
  assert.not.ok(cacheGrant('world', 'us')?.writes.includes('worlds/session/eu/'));
  assert.is(cacheGrant('player', 'eu'), null);
});

grants.run();
