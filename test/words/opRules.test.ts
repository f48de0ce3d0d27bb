/** The bounds of ops: every way in refuses the same ones. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isOp, LAST_VERSION, MAX_COUNTER, MAX_PUT_VERSION, type Op } from '../../src/words/op.ts';
import {
  faultOfOp,
  isOrigin,
  MAX_KEY_BYTES,
  MAX_MEMBER_VALUE_LENGTH,
  memberUrl,
} from '../../src/words/opRules.ts';
import { wireOp } from '../support/generators.ts';
import { membership, put, tombstone } from '../support/ops.ts';

const opRules = suite('bounds of ops');

opRules('what a cluster may hold is kept', () => {
  fc.assert(fc.property(wireOp, (op) => assert.is(faultOfOp(op), null)));
});

const LONE = '\ud800';
const memberOf = (url: unknown): Op => membership({ value: JSON.stringify({ nodeId: 'n', url }) });
const REFUSED: readonly [op: Op, fault: RegExp][] = [
  [put({ origin: '../../../escaped' }), /origin/],
  [put({ origin: '__proto__' }), /origin/],
  [put({ seq: 0 }), /seq/],
  [put({ seq: 1.5 }), /seq/],
  [put({ hlc: MAX_COUNTER + 1 }), /HLC/],
  [put({ hlc: -1 }), /HLC/],
  [put({ generation: MAX_COUNTER + 1 }), /generation/],
  [put({ version: LAST_VERSION }), /version/],
  [put({ version: -1 }), /version/],
  [tombstone({ version: LAST_VERSION + 1 }), /version/],
  [put({ expiresAt: -1 }), /expiry/],
  [put({ expiresAt: 2 ** 53 }), /expiry/],
  [put({ key: '' }), /key is empty/],
  [tombstone({ key: '' }), /key is empty/],
  [put({ key: LONE }), /surrogate/],
  [put({ key: 'é'.repeat(MAX_KEY_BYTES / 2 + 1) }), /longer/],
  [put({ value: '{"a":' }), /value is not JSON/],
  [put({ value: '' }), /value is not JSON/],
  [put({ value: `"${LONE}"` }), /value is not JSON/],
  [put({ meta: 'undefined' }), /meta is not JSON/],
  [membership({ key: 'http://elsewhere' }), /names no origin/],
  [membership({ version: 1 }), /a generation or a version/],
  [membership({ value: 'http://one' }), /not JSON/],
  [membership({ value: JSON.stringify('x'.repeat(MAX_MEMBER_VALUE_LENGTH)) }), /too much/],
];

opRules('each bound is kept, and named where it is not', () => {
  for (const [op, fault] of REFUSED) assert.match(faultOfOp(op) ?? '', fault);
});

opRules('the ends of each range are inside', () => {
  for (const op of [
    put({ hlc: MAX_COUNTER, generation: MAX_COUNTER, version: MAX_PUT_VERSION }),
    put({ expiresAt: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER }),
    tombstone({ version: LAST_VERSION }),
    put({ key: 'é'.repeat(MAX_KEY_BYTES / 2) }),
    put({ value: `${'['.repeat(5000)}${']'.repeat(5000)}` }),
    memberOf('https://node-1.example:8443'),
    memberOf(null),
    // Counts as none; a log of 0.1.0 that holds it opens.
    memberOf('node4:8000'),
    memberOf('http://user:word@one/path?q'),
    memberOf(7),
    membership({ value: '{"later":"version"}' }),
  ])
    assert.is(faultOfOp(op), null);
});

opRules('an op has the parts of its kind and no others', () => {
  const parts = { ...put(), value: null, expiresAt: null, meta: null };
  assert.not(isOp({ ...parts, kind: 'put' }));
  assert.ok(isOp({ ...parts, kind: 'put', value: '1', expiresAt: 5, meta: '1' }));
  for (const kind of ['delete', 'join', 'retire'] as const) {
    assert.ok(isOp({ ...parts, kind }));
    assert.not(isOp({ ...parts, kind, expiresAt: 5 }));
    assert.not(isOp({ ...parts, kind, meta: '1' }));
    assert.is(isOp({ ...parts, kind, value: '1' }), kind === 'join');
  }
});

opRules('an origin is never like a path, an index or a name of an object', () => {
  for (const text of ['node1.a0', 'A-b_9.z']) assert.ok(isOrigin(text), text);
  for (const text of [
    '',
    '0',
    'node1',
    '.a',
    'node1.',
    'a/b.c',
    'a.b.c',
    'a.B',
    `a.${'b'.repeat(33)}`,
    7,
  ])
    assert.not(isOrigin(text), String(text));
});

opRules('a member is dialled by scheme, host and port alone', () => {
  for (const url of ['http://one', 'https://[::1]:8001', 'http://127.0.0.1:1/'])
    assert.is(memberUrl(url), new URL(url).origin);
  for (const url of [
    'one:80',
    'http://',
    'file:///etc/passwd',
    'http://user:word@one',
    'ws://one',
    'http://one/a',
    'http://one?q',
    'http://one/#a',
    `http://${'a'.repeat(3000)}`,
  ])
    assert.is(memberUrl(url), null, url);
});

opRules.run();
