/** A trace as a tree, whatever the order of its lines. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type TracedLine, traceTree } from '../../rules/traceTree.ts';

const tree = suite('trace tree');

const line = (time: number, name: string, span: string, parent?: string): TracedLine => ({
  time,
  name,
  span,
  parent,
  trace: 't',
  msg: `m${time}`,
  detail: ` at=${time}`,
});

const LINES = [
  line(100, 'edge', 'a'),
  line(102, 'api', 'b', 'a'),
  line(103, 'world', 'c', 'b'),
  line(110, 'world', 'd', 'c'),
  line(105, 'api', 'b', 'a'),
  line(104, 'world', 'e', 'b'),
];

tree('each span stands below the one that asked for it, in the order of time', () => {
  const expected = [
    '     +0 ms  edge: m100 at=100',
    '     +2 ms    api: m102 at=102',
    '     +5 ms    api: m105 at=105',
    '     +3 ms      world: m103 at=103',
    '    +10 ms        world: m110 at=110',
    '     +4 ms      world: m104 at=104',
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(LINES, { minLength: LINES.length }), (lines) => {
      assert.equal(traceTree(lines), expected);
    }),
  );
});

tree('no line is lost: not one whose parent has no line, nor one of a circle', () => {
  const orphan = line(101, 'api', 'x', 'unknown');
  assert.is(traceTree([...LINES, orphan]).length, 7);
  const circle = [line(1, 'a', 'p', 'q'), line(2, 'b', 'q', 'p'), line(3, 'c', 's', 's')];
  assert.is(traceTree(circle).length, 3);
  assert.equal(traceTree([]), []);
});

tree.run();
