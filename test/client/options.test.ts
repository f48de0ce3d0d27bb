/** Options that a client refuses. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createClient, InvalidRequestError } from '../../src/client/index.ts';

const options = suite('options');

options('endpoints and options that are none', () => {
  const make = (given: object) => () => createClient({ endpoints: ['http://a'], ...given });
  const refuses = (pattern: RegExp) => (error: unknown) =>
    error instanceof InvalidRequestError && pattern.test(error.message);
  for (const endpoint of ['', 'localhost', 'ftp://a', 'http://a?b', 'http://u:p@a', 'http://a#b'])
    assert.throws(make({ endpoints: [endpoint] }), refuses(/An endpoint must be/));
  assert.throws(make({ endpoints: [] }), refuses(/at least one/));
  assert.throws(make({ endpoints: 'http://a' }), refuses(/at least one/));
  assert.throws(make({ timeoutMs: 0 }), refuses(/timeoutMs/));
  assert.throws(make({ maxRounds: 1.5 }), refuses(/maxRounds/));
  assert.throws(make({ maxAnswerBytes: 0 }), refuses(/maxAnswerBytes/));
  assert.throws(
    make({ timeout: 5 }),
    refuses(/^timeout is no option of createClient: it is timeoutMs/),
  );
  assert.throws(make({ endpoint: 'a' }), refuses(/it is endpoints/));
});

options('a token of an environment variable that is not set is none', async () => {
  const token = process.env.HEARSAY_NO_SUCH_TOKEN;
  const sent: unknown[] = [];
  const client = createClient({
    endpoints: ['http://a'],
    token,
    fetch: async (_url, request) => {
      sent.push(new Headers(request?.headers).get('Authorization'));
      return new Response('{"value":1,"version":1,"expires_at":null}');
    },
  });
  await client.get('a');
  await client.close();
  assert.equal(sent, [null]);
});

options.run();
