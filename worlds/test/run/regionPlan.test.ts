/** The programs of a region, and the tokens by which they ask the nodes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheGrant } from '../../rules/cacheGrants.ts';
import { ROLES } from '../../rules/grants.ts';
import { nodeTokens, type TokenUse } from '../../rules/nodeTokens.ts';
import { planRegion } from '../../run/regionPlan.ts';

const run = suite('region');

run(
  'a role has a token to read, and one to write, each with the prefixes of that use alone',
  () => {
    const tokens = nodeTokens('eu');
    for (const role of ROLES) {
      const grant = cacheGrant(role, 'eu');
      const prefixesOf = (use: TokenUse) =>
        tokens.find((one) => one.role === role && one.use === use)?.prefixes ?? [];
      assert.equal(prefixesOf('read'), grant?.reads ?? []);
      assert.equal(prefixesOf('write'), grant?.writes ?? []);
    }
    assert.ok(
      tokens.every(({ prefixes }) => prefixes.length > 0),
      'no prefix would mean all keys',
    );
  },
);

run('no two programs have the same port, and each is shown its own token alone', () => {
  const paths = { data: '/d', keys: '/k', authFile: '/a', internalTokenFile: '/i' };
  const plan = planRegion('eu', { ...paths, tokenFile: (role) => `/token/${role}` }, 9000);
  const urls = [...plan.nodes, ...plan.services, plan.fleet].flatMap(({ healthUrl }) =>
    healthUrl === null ? [] : [healthUrl],
  );
  assert.is(new Set(urls).size, 6);
  for (const { name, words } of [...plan.services, plan.fleet]) {
    const tokens = words.filter((word) => word.startsWith('/token/'));
    assert.equal(tokens, [`/token/${name === 'fleet' ? 'world' : name}`]);
  }
  for (const { environment } of plan.nodes) assert.is(environment.HOST, '127.0.0.1');
});

run.run();
