/** Answers of a node that can't store: nothing is lost silently, nothing is unplanned. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { problemSchema } from '../../src/http/openapi/answerSchemas.ts';
import { newAgent } from './carrier.ts';
import { type Answer, type TestServer, withServer } from './testServer.ts';

const refusals = suite('refusals');

const PUT = { value: 1, version: 1 };

function isProblem(answer: Answer, status: number): void {
  assert.is(answer.status, status);
  assert.is(answer.headers['content-type'], 'application/problem+json');
  const problem = problemSchema.parse(answer.body);
  assert.is(problem.status, status);
  assert.is(problem.type, 'about:blank');
}

/** Every way to write. */
const writes = (server: TestServer): Promise<Answer>[] => [
  server.put('/cache/a', PUT),
  server.delete('/cache/a'),
  server.batch({ ops: [{ op: 'put', key: 'a', ...PUT }] }),
  server.delete('/cache?prefix=b'),
];

/** A disk that holds every commit back until it is told to go on. */
function slowDisk() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { commitDelay: () => released, release: () => release() };
}

refusals(
  'a node that may not write yet answers 503 with Retry-After, and reads go on',
  withServer(async (server) => {
    await server.put('/cache/b', PUT);
    server.replica.readiness.refuseWrites('it is catching up with its peers');
    for (const answer of await Promise.all(writes(server))) {
      isProblem(answer, 503);
      assert.is(answer.headers['retry-after'], '1');
      assert.match(problemSchema.parse(answer.body).detail, /catching up with its peers/);
    }
    assert.is((await server.get('/cache/b')).status, 200);
    server.replica.readiness.allowWrites();
    assert.is((await server.put('/cache/a', PUT)).status, 200);
  }),
);

refusals(
  'a node that has not joined answers reads with 503, since it does not know',
  withServer(async (server) => {
    await server.put('/cache/b', PUT);
    server.replica.readiness.refuseReads('it has not joined its cluster yet');
    for (const answer of [
      await server.get('/cache/b'),
      await server.get('/cache/a'),
      await server.get('/cache?prefix='),
      await server.batch({ ops: [{ op: 'get', key: 'b' }] }),
    ]) {
      isProblem(answer, 503);
      assert.is(answer.headers['retry-after'], '1');
      assert.match(problemSchema.parse(answer.body).detail, /has not joined its cluster yet/);
    }
    server.replica.readiness.allowReads();
    assert.is((await server.get('/cache/b')).status, 200);
  }),
);

refusals(
  'a full disk is 507 and stores nothing; the node goes on',
  withServer(async (server) => {
    await server.put('/cache/b', PUT);
    for (let index = 0; index < writes.length; index++) {
      server.log.failNextAppend('full');
      isProblem(await server.put('/cache/a', PUT), 507);
    }
    server.log.failNextAppend('full');
    isProblem(await server.delete('/cache?prefix=b'), 507);
    server.log.failNextAppend('full');
    isProblem(await server.batch({ ops: [{ op: 'put', key: 'a', ...PUT }] }), 507);
    assert.is((await server.get('/cache/a')).status, 404);
    assert.is((await server.get('/cache/b')).status, 200);
    assert.is((await server.put('/cache/a', PUT)).status, 200);
  }),
);

refusals(
  'a commit of unknown outcome is 500, and what comes after it 503',
  withServer(async (server) => {
    server.log.failNextAppend('lost');
    const answer = await server.put('/cache/a', PUT);
    isProblem(answer, 500);
    assert.match(problemSchema.parse(answer.body).detail, /whether the write is stored is unknown/);
    isProblem(await server.put('/cache/a', PUT), 503);
  }),
);

refusals(
  'a node that is stopping answers 503 and closes the connection',
  withServer(async (server) => {
    const agent = newAgent({ keepAlive: true });
    await server.replica.close();
    const answer = await server.send('DELETE', '/cache/a', { agent });
    isProblem(answer, 503);
    assert.is(answer.headers.connection, 'close');
    agent.destroy();
  }),
);

refusals(
  '2,000 PUTs while the disk is slow are answered, or 503 beyond the bound of the queue',
  () => {
    const { commitDelay, release } = slowDisk();
    const run = async (server: TestServer): Promise<void> => {
      const sent: Promise<Answer>[] = [];
      let refused = 0;
      const beyond = Promise.withResolvers<void>();
      const count = ({ status }: Answer): void => {
        if (status === 503) refused++;
        // One waits in the commit, or a few that came in one turn; 500 wait behind it.
        if (refused === 1000) beyond.resolve();
      };
      // In waves: a system resets connections that wait too long or in too great a number to be accepted.
      while (sent.length < 2000) {
        const arrived = arrivals(server, 100);
        for (let index = 0; index < 100; index++) {
          const answer = server.put(`/cache/${sent.length}`, PUT);
          answer.then(count, beyond.reject);
          sent.push(answer);
        }
        await Promise.race([arrived, beyond.promise]);
      }
      await beyond.promise;
      assert.ok(server.replica.queuedOps <= 500);
      release();
      const answers = await Promise.all(sent);
      for (const answer of answers) {
        if (answer.status === 200) continue;
        isProblem(answer, 503);
        assert.is(answer.headers['retry-after'], '1');
      }
      const stored = answers.filter(({ status }) => status === 200).length;
      assert.ok(stored >= 500, `${stored} were stored`);
      assert.is(server.replica.map.size, stored);
      assert.is((await server.put('/cache/later', PUT)).status, 200);
    };
    return withServer(run, { limits: { maxQueuedOps: 500 }, log: { commitDelay } })();
  },
);

refusals(
  'long bodies that are being read are bounded together, and short ones pass them by',
  withServer(
    async (server) => {
      const head = 'PUT /cache/a HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n';
      const arrived = arrivals(server, 3);
      const begun = head + '{'.padEnd(90_000);
      const stuck = [1, 2, 3].map(() => server.exchange(begun).catch(() => ''));
      await arrived;
      const long = JSON.stringify({ value: 'x'.repeat(90_000), version: 'next' });
      // Bytes count as they come, so that the bound is met a little after the requests have come.
      let refused = await server.put('/cache/b', long);
      for (let attempt = 0; refused.status === 200 && attempt < 1000; attempt++)
        refused = await server.put('/cache/b', long);
      isProblem(refused, 503);
      assert.is((await server.put('/cache/c', PUT)).status, 200);
      server.server.closeAllConnections();
      await Promise.all(stuck);
      assert.is((await server.put('/cache/b', long)).status, 200);
    },
    { limits: { maxBodyBytes: 200_000, maxQueuedBytes: 1_000_000 } },
  ),
);

/** Resolved once that many requests have come. */
function arrivals(server: TestServer, count: number): Promise<void> {
  let left = count;
  return new Promise((resolve) => {
    const count = (): void => {
      left--;
      if (left > 0) return;
      server.server.off('request', count);
      resolve();
    };
    server.server.on('request', count);
  });
}

refusals('an error that nobody planned is 500 without its reason, and is logged with it', () => {
  const logged: object[] = [];
  const run = async (server: TestServer): Promise<void> => {
    server.replica.reads.get = () => {
      throw new TypeError('a secret');
    };
    const answer = await server.get('/cache/a');
    isProblem(answer, 500);
    assert.not.match(answer.text, 'a secret');
    assert.is(logged.length, 1);
    const [details] = logged;
    assert.ok(details && 'err' in details && /a secret/.test(String(details.err)));
  };
  return withServer(run, { onError: (details) => logged.push(details) })();
});

refusals.run();
