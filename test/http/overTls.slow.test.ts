// time limit: 240 s, in a process of its own: all servers in it speak TLS.
/** The contract of REST over TLS: the same tests as over plain HTTP. */
import './overTls.ts';
import './refusals.test.ts';
import './request/bodies.test.ts';
import './request/conditions.test.ts';
import './request/keys.test.ts';
import './request/unknownNames.test.ts';
import './routes/batch.test.ts';
import './routes/bulkStream.test.ts';
import './routes/entries.test.ts';
import './routes/lists.test.ts';
import './routes/methods.test.ts';
import './routes/probes.test.ts';
import './server.test.ts';
import './shortPath.test.ts';
import * as http from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withServer } from './testServer.ts';

const contract = suite('the contract over TLS');

contract(
  'the servers of these tests take no plain HTTP',
  withServer(async (server) => {
    const error = await new Promise((resolve, reject) => {
      const request = http.get({ port: server.port, path: '/livez', agent: false }, reject);
      request.on('error', resolve);
    });
    assert.instance(error, Error);
    assert.is((await server.get('/livez')).status, 200);
  }),
);

contract.run();
