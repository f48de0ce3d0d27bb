/** The log lines for people. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { logLine } from '../../../src/cli/terminal/logger.ts';

const lines = suite('log lines');

const line = (fields: object) =>
  logLine(JSON.stringify({ level: 'warn', time: '2026-01-02T03:04:05.678Z', ...fields }));

lines('show time, level, message and fields, but not the node', () => {
  assert.is(
    line({ node: 'node1', msg: 'A peer was refused.', peer: 'node2', tries: 3 }),
    '03:04:05.678 warn  A peer was refused. peer=node2 tries=3',
  );
});

lines('quote a field that would not be told from the next', () => {
  assert.is(line({ a: 'x y', b: 'x=y', c: '' }), '03:04:05.678 warn  a="x y" b="x=y" c=""');
});

lines("show an error's stack below", () => {
  const err = { message: 'lost', stack: 'Error: lost\n    at a.ts:1' };
  assert.is(
    line({ msg: 'Failed.', err }),
    '03:04:05.678 warn  Failed.\n  Error: lost\n      at a.ts:1',
  );
});

lines('stay one line whatever they hold', () => {
  const text = line({ msg: 'a\nb\u001b[31m\u009b', peer: '\r\u0085' });
  assert.is(text, '03:04:05.678 warn  a\\u000ab\\u001b[31m\\u009b peer="\\r\\u0085"');
});

lines.run();
