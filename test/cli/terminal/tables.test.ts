/** Keys and lines as people see them in tables and reports. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ENTRY_COLUMNS, entryCells, VALUE_COLUMN } from '../../../src/cli/cache/entryColumns.ts';
import { OpTable } from '../../../src/cli/log/opText.ts';
import { type Column, measured, Table } from '../../../src/cli/terminal/table.ts';
import { shownKey } from '../../../src/cli/terminal/values.ts';
import { fit, shortened, widthOf, wrapped } from '../../../src/cli/terminal/width.ts';
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
  const table = new Table(ENTRY_COLUMNS, VALUE_COLUMN, null, 2);
  assert.match(table.row(entryCells('a  v9', 1, '2')), /^"a {2}v9" +v1 +2$/);
  const row = { lsn: 1, committedAt: 0, won: true, op: put({ key: 'a b', value: '1' }) };
  assert.match(new OpTable(null).row(row).join('\n'), / put +"a b" /);
});

const KEY: Column = { title: 'KEY', width: 10, leastWidth: 6 };
const LAST = { title: 'VALUE', leastWidth: 5 };
const narrow = (totalWidth: number | null, columns: readonly Column[] = [KEY]): Table =>
  new Table(columns, LAST, totalWidth);

for (const [what, text, width] of [
  ['a letter with a mark of its own', 'e\u0301', 1],
  ['a family of joined emoji', '👨‍👩‍👧', 2],
  ['a flag', '🇪🇸', 2],
  ['a Chinese character', '日', 2],
  ['a key of a keyboard', '1️⃣', 2],
] as const)
  tables(`${what} is cut as one and counts as ${width}`, () => {
    assert.is(widthOf(text), width);
    assert.is(widthOf(fit(text, 5)), 5);
    assert.is(shortened(text.repeat(5), 2 * width + 1), `${text.repeat(2)}…`);
    assert.is(shortened(text.repeat(5), 2 * width + 1, 'right'), `…${text.repeat(2)}`);
  });

tables('a text that fits loses nothing, up to the last column', () => {
  assert.is(shortened('true', 4), 'true');
  assert.is(shortened('true', 3), 'tr…');
  assert.is(narrow(15).row(['a', 'true']), 'a         true');
});

tables('where there is no terminal, nothing is cut', () => {
  assert.is(
    narrow(null).row(['a'.repeat(20), 'b'.repeat(200)]),
    `${'a'.repeat(20)} ${'b'.repeat(200)}`,
  );
});

tables('columns go in the order of their ranks, all of one rank together', () => {
  const columns: Column[] = [
    { title: 'A', width: 5, dropRank: 2 },
    KEY,
    { title: 'B', width: 5, dropRank: 1 },
    { title: 'C', width: 5, dropRank: 1 },
  ];
  const heads = [40, 29, 28, 17, 12].map((width) => narrow(width, columns).head().split(/ +/));
  assert.equal(heads, [
    ['A', 'KEY', 'B', 'C', 'VALUE'],
    ['A', 'KEY', 'B', 'C', 'VALUE'].filter((title) => !['B', 'C'].includes(title)),
    ['A', 'KEY', 'VALUE'],
    ['KEY', 'VALUE'],
    ['KEY', 'VALUE'],
  ]);
});

tables('a long key takes the room that its value leaves, and never all of it', () => {
  const key = 'k'.repeat(14);
  assert.is(narrow(20).row([key, '1']), `${key} 1`);
  assert.is(narrow(20).row([key, 'v'.repeat(9)]), `${key} ${'v'.repeat(4)}…`);
});

tables(
  'a sentence in the last cell goes on below itself, and a long value is cut in the end',
  () => {
    const why = 'the greatest version of all';
    assert.equal(narrow(25).rows(['a', why]), [
      'a          the greatest',
      '           version of all',
    ]);
    assert.equal(narrow(null).rows(['a', why]), [`a          ${why}`]);
    const long = narrow(25).rows(['a', 'word '.repeat(10_000)]);
    assert.ok(long.length > 3 && long.length < 7, String(long.length));
    assert.match(long.at(-1) ?? '', /^ {11}.*…$/);
    for (const line of [...long, ...narrow(25).rows(['a', 'w'.repeat(1000)])])
      assert.ok(widthOf(line) <= 25, line);
  },
);

tables('a measured column is as wide as its widest cell', () => {
  const rows = [
    ['日本', 'x'],
    ['a', 'y'],
  ];
  const table = new Table(measured([{ title: 'K' }], rows), { title: 'V', leastWidth: 1 }, null);
  assert.equal(
    [table.head(), ...rows.map((row) => table.row(row))],
    ['K    V', '日本 x', 'a    y'],
  );
});

for (const width of [40, 80, 120])
  tables(`the ops of a log keep to ${width} columns`, () => {
    const table = new OpTable(width);
    const op = put({ key: '日本/👨‍👩‍👧/'.repeat(9), value: `"${'é'.repeat(300)}"` });
    const lines = [table.head(), ...table.row({ lsn: 123_456, committedAt: 0, won: false, op })];
    for (const line of lines) assert.ok(widthOf(line) <= width, line);
    assert.is(lines[0]?.includes('GEN'), width === 120);
    assert.is(lines[0]?.includes('ORIGIN'), width === 120);
    assert.ok(lines.every((line) => line !== ''));
  });

tables('what would change the order of characters is shown and not obeyed', () => {
  assert.is(shortened('a\u202etxt\u2028b\u007f', 60), 'a\\u202etxt\\u2028b\\u007f');
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
