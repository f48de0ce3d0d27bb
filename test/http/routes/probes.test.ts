/** Probes: alive as long as it answers, ready while each check holds. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withServer } from '../testServer.ts';

const probes = suite('probes');

probes(
  'a node is alive, whatever it can do',
  withServer(async (server) => {
    const { status, headers, text } = await server.get('/livez');
    assert.equal([status, text], [200, 'ok\n']);
    assert.is(headers['content-type'], 'text/plain; charset=utf-8');
    server.replica.readiness.refuseReads('it has nothing to read');
    assert.is((await server.get('/livez')).status, 200);
  }),
);

probes(
  'a node that has not joined is not ready, and says so',
  withServer(async (server) => {
    const { status, text } = await server.get('/readyz');
    assert.is(status, 503);
    assert.is(
      text,
      '[-] joined: it has not joined its cluster yet\n[+] readable: ok\n[+] writable: ok\n[+] staying: ok\n[+] roomy: ok\nnot ready\n',
    );
  }),
);

probes(
  'a check that is excluded does not count',
  withServer(async (server) => {
    const { status, text } = await server.get('/readyz?exclude=joined');
    assert.equal([status, text], [200, 'ok\n']);
    const verbose = await server.get('/readyz?verbose&exclude=joined');
    assert.is(
      verbose.text,
      '[+] joined: excluded\n[+] readable: ok\n[+] writable: ok\n[+] staying: ok\n[+] roomy: ok\nready\n',
    );
    server.replica.readiness.refuseReads('it has nothing to read');
    const other = await server.get('/readyz?exclude=joined');
    assert.is(other.status, 503);
    assert.match(other.text, '[-] readable: it has nothing to read\n');
    assert.is((await server.get('/readyz?exclude=joined,readable')).status, 200);
  }),
);

probes(
  'a node that takes no writes is not ready, so that a rolling restart waits for it',
  withServer(async (server) => {
    const ready = '/readyz?exclude=joined';
    server.replica.readiness.refuseWrites('it is catching up');
    const { status, text } = await server.get(ready);
    assert.is(status, 503);
    assert.match(text, '[-] writable: it is catching up\n');
    assert.is((await server.get(`${ready},writable`)).status, 200);
    server.replica.readiness.allowWrites();
    assert.is((await server.get(ready)).status, 200);
    server.replica.readiness.isLogLost = true;
    assert.is((await server.get(ready)).status, 503);
  }),
);

probes(
  'a check that does not exist can not be excluded',
  withServer(async (server) => {
    const { status, text } = await server.get('/readyz?exclude=joind');
    assert.is(status, 422);
    assert.match(text, 'joined, readable, writable, staying, roomy');
  }),
);

probes.run();
