/** A replay knows a touch by the put before it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RecentPuts } from '../../../src/cli/log/recentPuts.ts';
import { put } from '../../support/ops.ts';

const recent = suite('recent puts');

recent('a put once more but for its expiry is a touch', () => {
  const puts = new RecentPuts();
  assert.is(puts.isAgain(put({ seq: 1, version: 1 })), false);
  assert.is(puts.isAgain(put({ seq: 2, version: 1, expiresAt: 5, hlc: 9 })), true);
  assert.is(puts.isAgain(put({ seq: 3, version: 2 })), false, 'another version');
  assert.is(puts.isAgain(put({ seq: 4, version: 2, value: '2' })), false, 'another value');
  assert.is(puts.isAgain(put({ seq: 5, version: 2, value: '2', meta: '{}' })), false);
  assert.is(puts.isAgain(put({ seq: 6, version: 2, value: '2', meta: '{}' })), true);
  assert.is(
    puts.isAgain(put({ seq: 7, version: 2, value: '2', meta: '{}', generation: 1 })),
    false,
  );
  assert.is(puts.isAgain(put({ seq: 8, key: 'other', version: 2 })), false);
  puts.forget('other');
  assert.is(puts.isAgain(put({ seq: 9, key: 'other', version: 2 })), false, 'it was deleted');
});

recent('the least recent keys are forgotten', () => {
  const puts = new RecentPuts(2);
  for (const key of ['a', 'b', 'a', 'c']) puts.isAgain(put({ key }));
  assert.is(puts.isAgain(put({ key: 'a' })), true);
  assert.is(puts.isAgain(put({ key: 'b' })), false);
});

recent.run();
