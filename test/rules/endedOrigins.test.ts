import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isEndedFor } from '../../src/rules/endedOrigins.ts';
import { ORIGINS } from '../support/generators.ts';
import { membership } from '../support/ops.ts';

const [A, B, C] = ORIGINS;
const retire = membership({ kind: 'retire', key: B, origin: A, seq: 3 });

const ends = suite('origins of which no more ops will come');

ends('one whose retire every member holds', () => {
  assert.is(isEndedFor(B, [retire], new Map([[A, 3]])), true);
  assert.is(isEndedFor(B, [retire], new Map([[A, 4]])), true);
});

ends('not while a member may lack the retire', () => {
  assert.is(isEndedFor(B, [retire], new Map([[A, 2]])), false);
  assert.is(isEndedFor(B, [retire], new Map([[B, 9]])), false);
});

ends('not for the retire of another one', () => {
  assert.is(isEndedFor(C, [retire], new Map([[A, 3]])), false);
});

ends('not for a join, which every member holds', () => {
  const join = membership({ key: B, origin: A, seq: 3 });
  assert.is(isEndedFor(B, [join], new Map([[A, 3]])), false);
  assert.is(isEndedFor(B, [], new Map([[A, 3]])), false);
});

ends.run();
