/** The programs of a region, and the tokens by which they ask the nodes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheGrant } from '../../rules/cacheGrants.ts';
import { ROLES } from '../../rules/grants.ts';
import { nodeTokens } from '../../rules/nodeTokens.ts';
import { planRegion } from '../../run/regionPlan.ts';

const run = suite('region');

run('each role has a token of its own prefixes, and none of a scope that it does not need', () => {
  const tokens = nodeTokens('eu');
  for (const role of ROLES) {
    const grant = cacheGrant(role, 'eu');
    const token = tokens.find((one) => one.role === role);
    assert.is(token === undefined, grant === null);
    if (token === undefined || grant === null) continue;
    assert.is(token.scopes.includes('read'), grant.reads.length > 0);
    assert.is(token.scopes.includes('write'), grant.writes.length > 0);
    assert.equal(new Set(token.prefixes), new Set([...grant.reads, ...grant.writes]));
  }
  const world = tokens.find(({ role }) => role === 'world');
  assert.not.ok(world?.prefixes.some((prefix) => prefix.includes('/us/')));
});

run('no two programs have the same port, and each is shown its own token alone', () => {
  const paths = { data: '/d', keys: '/k', authFile: '/a', internalTokenFile: '/i' };
  const plan = planRegion('eu', { ...paths, tokenFile: (role) => `/token/${role}` }, 9000);
  const urls = [...plan.nodes, ...plan.services, plan.fleet].flatMap(({ healthUrl }) =>
    healthUrl === null ? [] : [healthUrl],
  );
  assert.is(new Set(urls).size, 5);
  for (const { name, words } of [...plan.services, plan.fleet]) {
    const tokens = words.filter((word) => word.startsWith('/token/'));
    assert.equal(tokens, [`/token/${name === 'fleet' ? 'world' : name}`]);
  }
});

run.run();
