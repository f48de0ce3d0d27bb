/** A value for each route and method. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ByRoute, NO_ROUTE } from '../../src/http/byRoute.ts';

const byRoute = suite('by route');

byRoute('whatever was asked for before, a route and a method have one value', () => {
  const route = fc.constantFrom('/cache', '/cache/{key}', '/_health', undefined);
  const method = fc.constantFrom('GET', 'PUT', 'POST');
  fc.assert(
    fc.property(fc.array(fc.tuple(route, method)), (requests) => {
      const counts = new ByRoute(() => ({ requests: 0 }));
      const expected = new Map<string, number>();
      for (const [one, by] of requests) {
        counts.of(one, by).requests++;
        const name = `${by} ${one ?? NO_ROUTE}`;
        expected.set(name, (expected.get(name) ?? 0) + 1);
      }
      const all = [...counts.all()].map(
        ({ route, method, value }) => [`${method} ${route}`, value.requests] as const,
      );
      assert.equal(new Map(all), expected);
      assert.is(all.length, expected.size);
    }),
  );
});

byRoute.run();
