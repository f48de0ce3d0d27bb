/** A command advises a flag and a variable after a refusal, never a header. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withTokenAdvice } from '../../../src/cli/remote/tokenAdvice.ts';
import { SHOW_ADMIN_TOKEN, SHOW_TOKEN } from '../../../src/http/access/refusals.ts';

const advice = suite('token advice');

advice("a node's advice to show a header becomes a flag and a variable", () => {
  for (const [told, expected] of [
    [SHOW_TOKEN, 'give a token that has it by --token-file, or in HEARSAY_TOKEN.'],
    [
      SHOW_ADMIN_TOKEN,
      "show the token that lies as admin-token in the node's data directory, by --token-file, or in HEARSAY_TOKEN.",
    ],
  ] as const)
    assert.is(
      withTokenAdvice(`This needs the scope log: ${told}`),
      `This needs the scope log: ${expected}`,
    );
});

advice('a refused token is named as refused, and another asked for', () => {
  assert.is(
    withTokenAdvice('http://a answered 401: The token has expired.'),
    'http://a answered 401: The token has expired. Give another token by --token-file, or in HEARSAY_TOKEN.',
  );
  assert.match(withTokenAdvice('it says: The token has expired'), /expired\. Give another token/);
  assert.is(withTokenAdvice('No page may do that.'), 'No page may do that.');
});

advice.run();
