/** The programs of both regions, and the tokens by which they ask the nodes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheGrant } from '../../rules/cacheGrants.ts';
import { ROLES } from '../../rules/grants.ts';
import { nodeTokens, type TokenUse } from '../../rules/nodeTokens.ts';
import { PORTS, planWorlds, type RegionPaths, type RegionPlan } from '../../run/worldsPlan.ts';

const run = suite('plan of worlds');

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

const pathsOf = (region: string): RegionPaths => ({
  data: `/${region}`,
  keys: '/k',
  authFile: `/${region}/a`,
  internalTokenFile: '/i',
  tokenFile: (role) => `/${region}/token/${role}`,
});
const plan = planWorlds({ eu: pathsOf('eu'), us: pathsOf('us') }, 9000, {
  edgePort: 8080,
  data: '/edge',
  addressKeyFile: '/addresses',
  tls: null,
});
const programsOf = ({ nodes, services, fleet }: RegionPlan) => [...nodes, ...services, fleet];

run('no two programs listen on one port, and each is shown its own token alone', () => {
  const programs = [...plan.regions.flatMap(programsOf), plan.identity, plan.link, plan.edge];
  const taken = programs.map(({ healthUrl }) => new URL(healthUrl).port);
  const [passages = '', crossings = ''] = ['--passages', '--crossings'].map((flag) =>
    plan.link.words.at(plan.link.words.indexOf(flag) + 1),
  );
  const ways = [...passages.split(','), ...crossings.split(',')].map((way) => way.split(':')[0]);
  const all = [...taken, ...ways].map(Number);
  assert.is(new Set(all).size, 13 + 7);
  assert.ok(all.every((port) => port >= 9000 && port < 9000 + PORTS));
  for (const { region, services, fleet, nodes } of plan.regions) {
    for (const { name, words } of [...services, fleet]) {
      const tokens = words.filter((word) => word.includes('/token/'));
      assert.equal(tokens, [`/${region}/token/${name === 'fleet' ? 'world' : name}`]);
    }
    for (const { environment } of nodes) assert.is(environment.HOST, '127.0.0.1');
  }
});

run('nodes and services know the other region by the addresses of the link alone', () => {
  const portsOf = (one: RegionPlan): string[] =>
    programsOf(one).map(({ healthUrl }) => new URL(healthUrl).port);
  for (const one of plan.regions) {
    const others = plan.regions.filter((other) => other !== one).flatMap(portsOf);
    const told = JSON.stringify(
      programsOf(one).map(({ words, environment }) => [words, environment]),
    );
    for (const port of others) assert.not.match(told, new RegExp(`:${port}\\b`));
    for (const { environment } of one.nodes) {
      assert.is(environment.NODES?.split(',').length, 3);
      assert.is(environment.URL, undefined, 'the other region would dial it past the link');
      assert.not.match(environment.NODES ?? '', new RegExp(`:${environment.PORT}\\b`));
    }
  }
});

run.run();
