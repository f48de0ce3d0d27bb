import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { limitAddress } from '../../rules/clientAddress.ts';
import { EDGE_ROUTES, findRoute, regionOf } from '../../rules/edgeRoutes.ts';

const edge = suite('edge routes');

edge('listed routes and methods are found, and nothing else', () => {
  const found = (method: string, path: string) => {
    const verdict = findRoute(method, path);
    return verdict.type === 'route' ? verdict.route.path : verdict.type;
  };
  assert.is(found('POST', '/worlds/eu/meadow/join'), '/worlds/:region/:world/join');
  assert.is(found('GET', '/worlds/watch'), '/worlds/watch');
  assert.is(found('GET', '/worlds/eu/meadow/join'), 'other methods');
  for (const path of [
    ...['/', '', '/worlds/', '//worlds', '/worlds/eu%2Fmeadow/join', '/Worlds', '/worlds/../join'],
    ...['/cache/worlds/config/eu/meadow', '/_log', '/_health', '/metrics', '/seats', '/slots'],
    ...['/drain', '/admin/worlds/eu', '/.well-known/x', `/worlds/eu/${'x'.repeat(81)}/join`],
  ])
    assert.is(found('GET', path), 'unknown', path);
});

edge('no path of letters that no route has reaches a service', () => {
  const words = EDGE_ROUTES.flatMap(({ path }) => path.split('/'));
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH'),
      fc.string(),
      (m, text) => {
        fc.pre(!words.includes(text));
        assert.is.not(findRoute(m, `/${text}`).type, 'route');
        assert.is.not(findRoute(m, `/worlds/${text}`).type, 'route');
      },
    ),
  );
});

edge('a request names its region in the path or the query', () => {
  assert.is(regionOf('/worlds/eu/meadow/join'), 'eu');
  assert.is(regionOf('/admin/worlds/us/meadow/drain'), 'us');
  assert.is(regionOf('/worlds?open=true&region=us'), 'us');
  for (const path of ['/worlds', '/worlds/watch', '/join', '/players/me', '/worlds?open=true'])
    assert.is(regionOf(path), null, path);
});

edge('only what has the same effect twice is repeatable', () => {
  const repeatable = EDGE_ROUTES.filter(({ isRepeatable }) => isRepeatable);
  assert.equal(
    repeatable.filter(({ method }) => method !== 'GET').map(({ path }) => path),
    [
      ...['/worlds/:region/:world/join', '/join', '/admin/worlds/:region/:world/drain'],
      '/admin/players/:player/revoke',
    ],
  );
});

edge('limits count by an IPv4 address, or by the /64 of an IPv6 one', () => {
  for (const [address, expected] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:C000:0207', '192.0.2.7'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ] as const)
    assert.is(limitAddress(address), expected, address);
});

edge('addresses of one /64 count as one, those of two as two', () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16));
  const half = fc.array(group, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(half, half, half, half, (network, other, a, b) => {
      fc.pre(network.join() !== other.join());
      fc.pre([network, other].every((groups) => groups.some((text) => text !== '0')));
      const of = (groups: string[], rest: string[]) => limitAddress([...groups, ...rest].join(':'));
      assert.is(of(network, a), of(network, b));
      assert.is.not(of(network, a), of(other, a));
    }),
  );
});

edge.run();
