/** The answers of a node, as the commands read them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DeepJson, parseAnswer } from '../../../src/cli/terminal/exactJson.ts';
import { entryJson, shownValue } from '../../../src/cli/terminal/values.ts';

const answers = suite('answers as they are written');

const DEEP = '{"a":'.repeat(50_000) + 12345678901234567890n + '}'.repeat(50_000);

answers('the value of an event may be of any depth, and is shown as it was sent', () => {
  const event = parseAnswer(`{"type":"put","key":"a","value":${DEEP},"version":3}`);
  assert.ok(typeof event === 'object' && event !== null && 'value' in event);
  assert.ok('key' in event && event.key === 'a');
  const { value } = event;
  assert.instance(value, DeepJson);
  assert.is(shownValue({ value }), DEEP);
  assert.is(entryJson({ key: 'a' }, { value }), `{"key":"a","value":${DEEP}}`);
});

answers('digits stay in whatever stands beside a deep value', () => {
  const list = parseAnswer(
    `{"entries":[{"key":"a","value":${DEEP}},{"key":"b","value":1.50}],"next":null}`,
  );
  assert.ok(typeof list === 'object' && list !== null && 'entries' in list);
  assert.ok(Array.isArray(list.entries) && 'next' in list && list.next === null);
  const [deep, shallow] = list.entries;
  assert.is(shownValue(deep), DEEP);
  assert.is(shownValue(shallow), '1.50');
});

answers('what is no JSON is none at any depth', () => {
  assert.throws(() => parseAnswer(DEEP.slice(0, -1)), /JSON/);
  assert.throws(() => parseAnswer('{'), /JSON/);
});

answers.run();
