import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { elementTexts, hasLoneSurrogate, isDeeperThan, memberText } from '../../src/words/json.ts';
import { jsonArrayText, jsonObjectText, jsonText, memberName } from '../support/generators.ts';
import { codePoint } from '../support/texts.ts';

const json = suite('json text');

json('a member is found with the very text that it was sent with', () => {
  const text =
    ' {\n"version" : 1 ,"value":\t{"b": 12345678901234567890, "a": 0.10, "a": 1} , "x":[]}';
  assert.is(memberText(text, 'value'), '{"b": 12345678901234567890, "a": 0.10, "a": 1}');
  assert.is(memberText(text, 'version'), '1');
  assert.is(memberText(text, 'x'), '[]');
});

json('a member that is not there, or is deeper, is not found', () => {
  assert.is(memberText('{"a":{"value":1},"b":"value"}', 'value'), undefined);
  assert.is(memberText('{}', 'value'), undefined);
  assert.is(memberText(' { } ', ''), undefined);
});

json('what is no object has no members, and what is no array no elements', () => {
  for (const text of ['[1]', '"value"', '1', 'null', 'true'])
    assert.is(memberText(text, 'value'), undefined, text);
  for (const text of ['{"0":1}', '"[1]"', '1', 'null', 'true'])
    assert.equal(elementTexts(text), [], text);
});

json('of members with one name the last counts, however the name is written', () => {
  assert.is(memberText('{"value":1,"v\\u0061lue":2}', 'value'), '2');
  assert.is(memberText('{"v\\u0061lue":2,"value":1}', 'value'), '1');
});

json('a name is not taken for another that is written with an escape', () => {
  assert.is(memberText('{"a\\nb":1}', 'a\\nb'), undefined);
  assert.is(memberText('{"a\\nb":1}', 'a\nb'), '1');
  assert.is(memberText('{"a\\\\nb":1}', 'a\\nb'), '1');
});

json('brackets, commas and quotes inside strings end nothing', () => {
  assert.is(memberText('{"a":"}\\",{[","value":"]\\\\"}', 'value'), '"]\\\\"');
  assert.equal(elementTexts('["]","\\"",[",",{"a":"}"}]]'), ['"]"', '"\\""', '[",",{"a":"}"}]']);
});

json('elements are found with the very text that they were sent with', () => {
  assert.equal(elementTexts(' [ 1.50 ,{"a" : 1}\n, [] ] '), ['1.50', '{"a" : 1}', '[]']);
  assert.equal(elementTexts('[ ]'), []);
});

json('nesting a hundred thousand deep overflows no stack', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const deepObject = `${'{"value":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
  assert.is(memberText(`{"value":${deep},"other":1}`, 'value'), deep);
  assert.is(memberText(`{"other":${deep},"value":1}`, 'value'), '1');
  assert.is(memberText(deepObject, 'value'), deepObject.slice('{"value":'.length, -1));
  assert.equal(elementTexts(`[${deep},1]`), [deep, '1']);
});

json('memberText finds what JSON.parse finds, for every name', () => {
  fc.assert(
    fc.property(jsonObjectText, memberName, (text, name) => {
      const object: unknown = JSON.parse(text);
      const found = memberText(text, name);
      assert.ok(typeof object === 'object' && object !== null);
      assert.is(found !== undefined, Object.hasOwn(object, name));
      if (found === undefined) return;
      assert.is(found, found.trim());
      const member: unknown = Object.getOwnPropertyDescriptor(object, name)?.value;
      assert.is(JSON.stringify(JSON.parse(found)), JSON.stringify(member));
    }),
    { numRuns: 500 },
  );
});

json('elementTexts finds what JSON.parse finds, in order', () => {
  fc.assert(
    fc.property(jsonArrayText, (text) => {
      const found = elementTexts(text);
      assert.equal(
        found,
        found.map((element) => element.trim()),
      );
      assert.is(
        JSON.stringify(found.map((element) => JSON.parse(element))),
        JSON.stringify(JSON.parse(text)),
      );
    }),
    { numRuns: 300 },
  );
});

json('any value is found again, untouched, in a body around it', () => {
  fc.assert(
    fc.property(jsonText, (value) => {
      assert.is(memberText(`{"version":1,"value":${value}}`, 'value'), value);
      assert.is(memberText(`{"value": ${value} ,"version":1}`, 'value'), value);
      assert.equal(elementTexts(`[${value},${value}]`), [value, value]);
    }),
    { numRuns: 300 },
  );
});

json('depth counts brackets, and not those in strings', () => {
  assert.not.ok(isDeeperThan('[[{"a":[]}]]', 4));
  assert.ok(isDeeperThan('[[{"a":[]}]]', 3));
  assert.not.ok(isDeeperThan('["[[[[\\"[[[[",{},{},[]]', 2));
  assert.not.ok(isDeeperThan('1', 0));
  assert.ok(isDeeperThan('['.repeat(1_000_000), 999_999));
});

json('half of a surrogate pair is told from a whole one', () => {
  for (const text of ['a\ud800', '\ud83dx', 'a\udc00', '\udfff', '\udc00\ud800'])
    assert.ok(hasLoneSurrogate(text), JSON.stringify(text));
  assert.not.ok(hasLoneSurrogate('\u{1f600}'));
  assert.not.ok(hasLoneSurrogate(''));
  fc.assert(
    fc.property(fc.string({ unit: codePoint }), (text) => {
      assert.not.ok(hasLoneSurrogate(text));
      assert.ok(hasLoneSurrogate(`${text}\ud800`));
    }),
  );
});

json.run();
