/** Keys and lines as people see them in tables and reports. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { entryRow } from '../../../src/cli/cache/list.ts';
import { OpTable } from '../../../src/cli/log/opText.ts';
import { wrapped } from '../../../src/cli/terminal/text.ts';
import { shownKey } from '../../../src/cli/terminal/values.ts';
import { put } from '../../support/ops.ts';

const tables = suite('tables');

for (const [key, shown] of [
  ['user:42', 'user:42'],
  ['größe/日本/🙂', 'größe/日本/🙂'],
  ["it's", "it's"],
  ['a b', '"a b"'],
  ['a ', '"a "'],
  ['', '""'],
  ['"a"', '"\\"a\\""'],
  ['a\nb', '"a\\nb"'],
  ['a\u001bb', '"a\\u001bb"'],
  ['a\u0085b', '"a\\u0085b"'],
  ['a\u00a0b', '"a\u00a0b"'],
  ['a\u200bb', '"a\u200bb"'],
] as const)
  tables(`the key ${JSON.stringify(key)} is shown as ${shown}`, () => {
    assert.is(shownKey(key), shown);
  });

tables('a key that could be taken for another is quoted in every table', () => {
  assert.match(entryRow('a  v9', 1, '2'), /^"a {2}v9" +v1 +2$/);
  const row = { lsn: 1, committedAt: 0, won: true, op: put({ key: 'a b', value: '1' }) };
  assert.match(new OpTable().row(row).join('\n'), / put +"a b" /);
});

tables('a long line is broken at blanks, and what follows is indented', () => {
  const line = '  not seen node2 (node2.abcdef), node3 (node3.ghijkl), node4 (node4.mnopqr)';
  assert.equal(wrapped(line, 40, 11), [
    '  not seen node2 (node2.abcdef), node3',
    '           (node3.ghijkl), node4',
    '           (node4.mnopqr)',
  ]);
  assert.equal(wrapped(line, line.length, 11), [line]);
});

tables('a word that is longer than a line stays whole', () => {
  const word = 'x'.repeat(50);
  assert.equal(wrapped(`a ${word} b`, 20, 2), ['a', `  ${word}`, '  b']);
  assert.equal(wrapped(word, 20, 2), [word]);
});

tables.run();
