import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { settledLogWith, settledNames } from '../../src/words/settledLogs.ts';

const settled = suite('the logs that a log has settled');

settled('none, one, and several in their order', () => {
  assert.equal(settledNames({ settledLog: null }), []);
  const one = settledLogWith(null, 'node1.aaaaaa');
  assert.is(one, 'node1.aaaaaa');
  const two = settledLogWith(one, 'node1.bbbbbb.2');
  assert.equal(settledNames({ settledLog: two }), ['node1.aaaaaa', 'node1.bbbbbb.2']);
});

settled('one that is settled again is named once', () => {
  const two = settledLogWith('node1.aaaaaa/node1.bbbbbb', 'node1.aaaaaa');
  assert.equal(settledNames({ settledLog: two }), ['node1.bbbbbb', 'node1.aaaaaa']);
});

settled.run();
