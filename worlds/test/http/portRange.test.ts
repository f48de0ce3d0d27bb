/** Servers that take the ports of a range, one after another. */
import { createServer, type Server } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../test/support/ports.ts';
import { ANY_PORT, listenWithin, portRangeSchema, sizeOf } from '../../http/portRange.ts';

const range = suite('port range');

const portOf = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const listen = (port: number): Promise<Server & AsyncDisposable> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });

range('each server takes the first port that is free, and one too many is told', async () => {
  const first = await freePorts(2);
  const ports = { first, last: first + 1 };
  await using one = await listenWithin(ports, listen);
  {
    await using other = await listenWithin(ports, listen);
    assert.equal([one, other].map(portOf), [first, first + 1]);
    await listenWithin(ports, listen).then(
      () => assert.unreachable(),
      (error: Error) =>
        assert.is(error.message, `All ports from ${first} to ${first + 1} are taken.`),
    );
  }
  await using again = await listenWithin(ports, listen);
  assert.is(portOf(again), first + 1);
});

range('any other error ends the search', async () => {
  let asked = 0;
  const fail = (): Promise<never> => {
    asked += 1;
    return Promise.reject(new Error('no certificate'));
  };
  await listenWithin({ first: 8300, last: 8310 }, fail).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'no certificate'),
  );
  assert.is(asked, 1);
});

range('a setting names two ports, or any', async () => {
  assert.equal(portRangeSchema.parse('8300-8331'), { first: 8300, last: 8331 });
  assert.is(sizeOf(portRangeSchema.parse('8300-8331')), 32);
  assert.equal(portRangeSchema.parse(''), ANY_PORT);
  assert.is(sizeOf(ANY_PORT), Number.POSITIVE_INFINITY);
  await using server = await listenWithin(ANY_PORT, listen);
  assert.ok(portOf(server) > 0);
  for (const wrong of ['8300', '8300-', '0-5', '9-8', '1-65536', 'a-b', '1-2-3', '-1'])
    assert.not.ok(portRangeSchema.safeParse(wrong).success, wrong);
});

range.run();
