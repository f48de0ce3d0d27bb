/** The texts of events, as watchers read them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyEventText } from '../../src/watch/event.ts';

const events = suite('texts of events');

const subject = { key: 'a', version: 3, expiresAt: 0, value: '1.50', meta: '{"by":"x"}' };
const textOf = (
  ...[type, change, withValue]: [Parameters<typeof keyEventText>[0], object, boolean]
) => keyEventText(type, { ...subject, ...change }, 'CURSOR', withValue);

events('a put tells its value digit for digit, and its annotation', () => {
  assert.is(
    textOf('put', {}, true),
    '{"type":"put","key":"a","value":1.50,"meta":{"by":"x"},"version":3,"expires_at":"1970-01-01T00:00:00.000Z","cursor":"CURSOR"}',
  );
  assert.not.match(textOf('put', { meta: null }, true), 'meta');
});

events('a watcher that wants no values gets neither value nor annotation', () => {
  for (const type of ['put', 'delete', 'expire'] as const) {
    assert.not.match(textOf(type, {}, false), '"value"');
    assert.not.match(textOf(type, {}, false), '"meta"');
  }
});

events('an event that ends an entry has the value null, and no annotation', () => {
  for (const type of ['delete', 'expire'] as const) {
    assert.match(textOf(type, {}, true), '"value":null,"version"');
    assert.not.match(textOf(type, {}, true), '"meta"');
  }
});

events('only a delete hides the time of the expiry', () => {
  assert.match(textOf('delete', {}, true), '"expires_at":null');
  assert.match(textOf('expire', {}, true), '"expires_at":"1970-01-01T00:00:00.000Z"');
  assert.match(textOf('put', { expiresAt: null }, true), '"expires_at":null');
});

events.run();
