import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Digest } from '../../../src/gossip/protocol/digest.ts';
import {
  decodeMessage,
  encodeDelta,
  encodeMessage,
  encodePush,
  encodeSnapshot,
  type Hello,
} from '../../../src/gossip/protocol/messages.ts';
import { encodeOp, MalformedMessageError } from '../../../src/gossip/protocol/opCodec.ts';
import { ZERO } from '../../../src/words/hash.ts';
import { MAX_COUNTER } from '../../../src/words/op.ts';
import { message, ORIGINS } from '../../support/generators.ts';
import { put } from '../../support/ops.ts';

const messages = suite('messages between peers');
const isMalformed = (error: unknown): boolean => error instanceof MalformedMessageError;

const HELLO: Hello = {
  type: 'hello',
  protocol: [1, 2],
  cluster: 'hearsay',
  clusterId: null,
  formedAt: 0,
  size: 0,
  joined: false,
  admittedBy: null,
  nodeId: 'node1',
  origin: 'node1.aaaaaa',
  instance: 'x',
  url: 'http://localhost:8001',
  clock: 1_795_000_000_000,
};

/** A digest as three nodes send it when each has written a hundred thousand ops and more. */
const DIGEST: Digest = {
  vector: new Map(ORIGINS.map((origin, index) => [origin, 999_997 + index])),
  sums: new Map(ORIGINS.map((origin) => [origin, { high: 0xffffffff, low: 0xffffffff }])),
  retiredSum: null,
  listsRetired: false,
  asOf: 29_916_667,
  mapSum: { high: 0xffffffff, low: 0xffffffff },
  horizon: 0,
  clock: 1_795_000_000_000,
};

const DIGEST_TEXT = encodeMessage({ type: 'digest', digest: DIGEST });

messages('every message comes back as it went', () => {
  fc.assert(
    fc.property(message, (one) => assert.equal(decodeMessage(encodeMessage(one)), one)),
    { numRuns: 1000 },
  );
});

messages('every message is one line of JSON in a text that UTF-8 can hold', () => {
  fc.assert(
    fc.property(message, (one) => {
      const text = encodeMessage(one);
      assert.ok(text.isWellFormed());
      assert.not.match(text, /\n/);
      assert.is(JSON.parse(text).type, one.type);
    }),
  );
});

messages('a digest of a three-node cluster with seqs of six digits is at most 200 bytes', () => {
  const text = DIGEST_TEXT;
  assert.ok(Buffer.byteLength(text) <= 200, `${Buffer.byteLength(text)} bytes: ${text}`);
});

messages(
  'the sums of a digest go with the origins of its vector, in whatever order they came',
  () => {
    const sums = new Map(ORIGINS.map((origin, index) => [origin, { high: index, low: index }]));
    const digest = { ...DIGEST, sums: new Map([...sums].reverse()) };
    const back = decodeMessage(encodeMessage({ type: 'digest', digest }));
    assert.equal(back.type === 'digest' && back.digest.sums, sums);
  },
);

/** As nodes of version 0.1.0 send them. */
const TEXTS_OF_PROTOCOL_1 = [
  '{"type":"hello","protocol":[1,2],"cluster":"hearsay","clusterId":"317d622475fe6232","formedAt":1795495317205,"size":3,"joined":true,"admittedBy":null,"nodeId":"node1","origin":"node1.hr0fpm","instance":"4cdb2a9d17f0a3f1","url":"http://localhost:8001","clock":1795495317300}',
  '{"type":"digest","clock":1795495317300,"asOf":29924923,"horizon":0,"vector":{"node3.rh4ngu":1,"node1.hr0fpm":5},"sums":"HGswvgZPMHAAAAAAAAAAAPDn0000000__"}',
  '{"type":"digest","clock":1795495317300,"asOf":29924923,"horizon":7,"vector":{},"sums":"HGswvgZPMHA","retired":"HGswvgZPMHA","listed":true}',
  '{"type":"delta","ranges":[["node1.hr0fpm",4,5,"HGswvgZPMHA"]],"ops":[["put","node1.hr0fpm",5,1795495317305000,"a\u2028 \\"é\\"",0,1,1795495317399,"[1, 2.0]","{\\"v\\":1}"]]}',
  '{"type":"delta","ranges":[],"ops":[],"answer":{"clock":1795495317300,"asOf":29924923,"horizon":0,"vector":{"node1.hr0fpm":5},"sums":"HGswvgZPMHAHGswvgZPMHA","more":false}}',
  '{"type":"snapshot","part":0,"rows":[[["join","node1.hr0fpm",1,1795495317305000,"node1.hr0fpm",0,0,null,"{\\"nodeId\\":\\"node1\\",\\"url\\":null}",null],0],[["delete","node1.hr0fpm",2,1795495317305001,"k",0,9007199254740991,null,null,null],1]]}',
  '{"type":"snapshot","part":1,"rows":[],"end":{"vector":{"node1.hr0fpm":2},"sums":"HGswvgZPMHA","reach":{"node1.hr0fpm":1},"horizon":3}}',
  '{"type":"next","part":1}',
  '{"type":"later"}',
  '{"type":"confirm","seq":17}',
  '{"type":"confirmed","seq":17}',
  '{"type":"rejoin","code":"stranger","reason":"r","smallestMember":"node1.hr0fpm","reach":{}}',
  '{"type":"judge","re":4,"held":{"node1.hr0fpm":17},"base":{"node1.hr0fpm":12,"node2.o2vcfd":3},"after":0}',
  '{"type":"judged","re":4,"includesBase":true,"ops":[["greeting","delete",0,9007199254740991,1795495399000001,"node2.o2vcfd",5]],"complete":true,"cutAt":1795409000000,"next":4096}',
  '{"type":"deletes","since":1795495317305000,"after":0}',
  '{"type":"deleted","deletes":[["greeting",1795495399000001]],"next":4096}',
  '{"type":"compare","asOf":29924923,"buckets":4,"bucket":null}',
  '{"type":"compared","asOf":29924923,"buckets":2,"bucket":null,"sums":"HGswvgZPMHAAAAAAAAAAAA","entries":[]}',
  '{"type":"compared","asOf":29924923,"buckets":4,"bucket":3,"sums":"","entries":[["k","put",0,1,1795495317305000,"node1.hr0fpm",5]]}',
  '{"type":"error","code":"cluster","reason":"node9 is of cluster blue, node1 is of cluster green"}',
];

messages('each message of protocol 1 is written as it was read, byte for byte', () => {
  for (const text of TEXTS_OF_PROTOCOL_1) assert.is(encodeMessage(decodeMessage(text)), text);
});

messages('an answer of protocol 2 names its question, after all that protocol 1 says', () => {
  for (const text of TEXTS_OF_PROTOCOL_1) {
    const { type } = decodeMessage(text);
    if (!['digest', 'delta', 'snapshot', 'later', 'rejoin'].includes(type)) continue;
    const named = `${text.slice(0, -1)},"re":7}`;
    assert.is(encodeMessage(decodeMessage(named)), named);
  }
});

messages(
  'a list of differences that is cut off, too long or of no whole numbers is malformed',
  () => {
    const hash = 'HGswvgZPMHA';
    const certificate = (min: readonly unknown[]) =>
      JSON.stringify({
        type: 'certificate',
        id: 'r',
        changes: { base: hash, hash, clock: 1, min },
      });
    assert.is(decodeMessage(certificate([0, -1, 3, 2])).type, 'certificate');
    for (const steps of [[0], [-1, 1], [0.5, 1], [0, 0.5], ['0', 1], Array(20_002).fill(1)])
      assert.throws(() => decodeMessage(certificate(steps)), isMalformed);
    const both = {
      type: 'certificate',
      id: 'r',
      report: { members: [], min: {}, max: {}, clock: 1 },
    };
    assert.is(decodeMessage(JSON.stringify(both)).type, 'certificate');
    const changes = { base: hash, hash, clock: 1 };
    for (const wrong of [
      { ...both, changes },
      { type: 'certificate', id: 'r' },
    ])
      assert.throws(() => decodeMessage(JSON.stringify(wrong)), isMalformed);
  },
);

messages(
  'a push without traces, and seqs that all have a place, are told without a list of these',
  () => {
    const push = encodeMessage({
      type: 'push',
      delta: { ranges: [{ origin: 'node1.aaaaaa', after: 0, to: 1, sum: ZERO }], ops: [put()] },
      traces: [],
    });
    assert.not.match(push, /traces/);
    const base = { high: 1, low: 1 };
    const have = encodeMessage({ type: 'have', seqs: { base, steps: [0, 1], added: new Map() } });
    assert.not.match(have, /vector/);
  },
);

messages('a malformed message is told of by the field that is wrong', () => {
  assert.throws(() => decodeMessage('{"type":"next"}'), /malformed message: part: /);
  assert.throws(() => decodeMessage('5'), /malformed message: it: /);
});

messages('ops that were encoded before give the text that ops give', () => {
  fc.assert(
    fc.property(message, (one) => {
      if (one.type === 'delta') {
        const { ranges, ops } = one.delta;
        assert.is(encodeDelta(ranges, ops.map(encodeOp), one.answer, one), encodeMessage(one));
      }
      if (one.type !== 'snapshot') return;
      const rows = one.rows.map(({ op, isEntry }) => ({ wire: encodeOp(op), isEntry }));
      assert.is(encodeSnapshot(one.part, { ...one, rows }, one.re), encodeMessage(one));
    }),
  );
});

messages('a push has the traces of its ops, and none of them can make it malformed', () => {
  const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const ops = [encodeOp(put())];
  const traced = encodeDelta([RANGE], ops, null, { traces: [TRACE] });
  const back = decodeMessage(traced);
  assert.equal(back.type === 'delta' && back.traces, [TRACE]);
  const plain = encodeDelta([RANGE], ops, null, { traces: [] });
  assert.is(plain, encodeDelta([RANGE], ops, null));
  assert.is(traced, `${plain.slice(0, -1)},"traces":["${TRACE}"]}`);
  for (const odd of [7, null, {}, '', [[]], [null, TRACE.toUpperCase(), '01'.repeat(30)]]) {
    const message = decodeMessage(`${plain.slice(0, -1)},"traces":${JSON.stringify(odd)}}`);
    assert.equal(message.type === 'delta' && message.traces, [], JSON.stringify(odd));
    assert.is(message.type === 'delta' && message.delta.ops.length, 1);
  }
});

messages('a value crosses as the very text that its client sent', () => {
  const value = '{"b": 12345678901234567890, "a": "\\u00e9\u{1f600}", "a": 0.10}';
  const delta = decodeMessage(encodeDelta([], [encodeOp(put({ value }))], null));
  assert.is(delta.type === 'delta' && delta.delta.ops[0]?.value, value);
});

messages('members that a later version adds are passed over', () => {
  const text = JSON.stringify({ ...HELLO, mood: 'sunny' });
  assert.equal(decodeMessage(text), HELLO);
});

messages('a reason that is too long is cut, and not refused by its reader', () => {
  const long = decodeMessage(
    encodeMessage({ type: 'error', code: 'malformed', reason: 'r'.repeat(9_000) }),
  );
  assert.is(long.type === 'error' && long.reason.length, 1024);
  const rejoin = decodeMessage(
    encodeMessage({
      type: 'rejoin',
      code: 'behind',
      reason: 'r'.repeat(9_000),
      smallestMember: null,
      reach: new Map(),
    }),
  );
  assert.is(rejoin.type === 'rejoin' && rejoin.reason.length, 1024);
});

messages('a push is a delta of one range, which its ops tell', () => {
  const ops = [4, 5, 6].map((seq) => put({ origin: 'node1.aaaaaa', seq }));
  const range = { origin: 'node1.aaaaaa', after: 3, to: 6, sum: ZERO };
  const text = encodePush(range, ops.map(encodeOp));
  assert.not.match(text, 'ranges');
  assert.equal(decodeMessage(text), { type: 'push', delta: { ranges: [range], ops } });
});

messages.run();

const refusals = suite('malformed messages');

refusals('what is no JSON object of a known type is refused', () => {
  for (const text of [
    '',
    'hello',
    '{"type":"digest"',
    'null',
    '[]',
    '"hello"',
    '{}',
    '{"type":null}',
    '{"type":"toString"}',
    '{"type":"__proto__"}',
    '{"type":["later"]}',
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  ])
    assert.throws(() => decodeMessage(text), isMalformed);
});

/** Changes one member of a message, by its path; undefined takes it away. */
function textWith(text: string, path: readonly (string | number)[], value: unknown): string {
  const whole: unknown = JSON.parse(text);
  let holder = whole as Record<string | number, unknown>;
  for (const name of path.slice(0, -1)) holder = holder[name] as typeof holder;
  const last = path.at(-1) ?? '';
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return JSON.stringify(whole);
}

const NO_COUNT = [null, -1, 1.5, '1', true, {}, 2 ** 53];
const NO_ORIGIN = [null, 1, '', 'node1', '12', '.a', 'a.', 'a.B', 'a b.c', `${'n'.repeat(65)}.a`];
const NO_HASH = [null, 1, '', 'AAAAAAAAAA', 'QAAAAAAAAAA', 'AAAAA+AAAAA', 'AAAAAAAAAAAA'];
const NO_VECTOR = [null, 1, [], { 12: 1 }, { 'a.b': -1 }, { 'a.b': 1.5 }, { 'a.b': '1' }];

const RANGE = { origin: 'node1.aaaaaa', after: 0, to: 1, sum: ZERO };
const DELTA = encodeDelta([RANGE], [encodeOp(put())], { digest: DIGEST, more: true });
const SNAPSHOT = encodeSnapshot(0, {
  rows: [{ wire: encodeOp(put()), isEntry: true }],
  origins: { vector: DIGEST.vector, sums: DIGEST.sums, reach: new Map() },
  end: { vector: DIGEST.vector, sums: DIGEST.sums, reach: new Map(), horizon: 0 },
});
const PUSHED = { ...RANGE, to: 2 };
const PUSH = encodePush(
  PUSHED,
  [1, 2].map((seq) => encodeOp(put({ origin: RANGE.origin, seq }))),
);
const HAVE = encodeMessage({
  type: 'have',
  seqs: { base: ZERO, steps: [0, 1], added: new Map([['a.b', 1]]) },
});
const REJOIN = encodeMessage({
  type: 'rejoin',
  code: 'retired',
  reason: 'r',
  smallestMember: 'a.b',
  reach: new Map(),
});
const COMPARE = encodeMessage({ type: 'compare', asOf: 1, buckets: 2, bucket: null });
const COMPARED = encodeMessage({
  type: 'compared',
  asOf: 1,
  buckets: 2,
  bucket: null,
  sums: [ZERO, ZERO],
  entries: [put()],
});
const ERROR = encodeMessage({ type: 'error', code: 'clock', reason: 'r' });

const WRONG: readonly [text: string, path: (string | number)[], values: readonly unknown[]][] = [
  [
    encodeMessage(HELLO),
    ['protocol'],
    [undefined, null, 1, [], [1], [1, 2, 3], [1, 1.5], ['1', 1]],
  ],
  [encodeMessage(HELLO), ['cluster'], [undefined, null, 1, 'c'.repeat(257)]],
  [encodeMessage(HELLO), ['clusterId'], [undefined, 1, 'c'.repeat(129)]],
  [encodeMessage(HELLO), ['size'], [undefined, ...NO_COUNT]],
  [encodeMessage(HELLO), ['joined'], [undefined, null, 1, 'yes']],
  [encodeMessage(HELLO), ['admittedBy'], [undefined, ...NO_ORIGIN.filter((name) => name !== null)]],
  [encodeMessage(HELLO), ['nodeId'], [undefined, null, '', 1, 'n'.repeat(65)]],
  [encodeMessage(HELLO), ['origin'], [undefined, ...NO_ORIGIN]],
  [encodeMessage(HELLO), ['url'], [undefined, 1, 'u'.repeat(2049)]],
  [encodeMessage(HELLO), ['clock'], [undefined, null, 1.5, '1', 2 ** 53]],
  [DIGEST_TEXT, ['clock'], [undefined, null, 1.5, '1', 2 ** 53]],
  [DIGEST_TEXT, ['asOf'], [null, 1.5, '1']],
  [DIGEST_TEXT, ['horizon'], [undefined, ...NO_COUNT, MAX_COUNTER + 1]],
  [DIGEST_TEXT, ['vector'], [undefined, {}, ...NO_VECTOR]],
  [DIGEST_TEXT, ['sums'], [undefined, null, '', 'A'.repeat(43), `${'A'.repeat(43)}+`]],
  [DIGEST_TEXT, ['retired'], NO_HASH],
  [DELTA, ['ranges'], [undefined, null, {}, [1], [[]]]],
  [DELTA, ['ranges', 0, 0], NO_ORIGIN],
  [DELTA, ['ranges', 0, 1], NO_COUNT],
  [DELTA, ['ranges', 0, 2], NO_COUNT],
  [DELTA, ['ranges', 0, 3], NO_HASH],
  [DELTA, ['ops'], [undefined, null, {}, [1], [null], [[]]]],
  [DELTA, ['ops', 0, 2], NO_COUNT],
  [DELTA, ['answer'], [null, 1, {}]],
  [DELTA, ['answer', 'more'], [undefined, null, 1]],
  [DELTA, ['answer', 'sums'], [undefined, 'A'.repeat(33)]],
  [PUSH, ['sum'], [undefined, null, 1, 'A'.repeat(10)]],
  [PUSH, ['ops'], [undefined, null, [], [null]]],
  [PUSH, ['ops', 1, 1], ['node2.bbbbbb']],
  [PUSH, ['ops', 1, 2], [1, 3]],
  [HAVE, ['base'], [null, 1, 'A'.repeat(10)]],
  [HAVE, ['steps'], [null, {}, [1], ['1', 1], [-1, 1]]],
  [HAVE, ['vector'], NO_VECTOR],
  [SNAPSHOT, ['part'], [undefined, ...NO_COUNT]],
  [SNAPSHOT, ['rows'], [undefined, null, [1], [[]], [[null, 0]]]],
  [SNAPSHOT, ['rows', 0, 1], [null, 2, true, '1']],
  [SNAPSHOT, ['end'], [null, {}]],
  [SNAPSHOT, ['end', 'vector'], [undefined, {}, ...NO_VECTOR]],
  [SNAPSHOT, ['end', 'sums'], [undefined, null, '', 'A'.repeat(34)]],
  [SNAPSHOT, ['end', 'reach'], [undefined, ...NO_VECTOR]],
  [SNAPSHOT, ['end', 'horizon'], [undefined, ...NO_COUNT, MAX_COUNTER + 1]],
  [encodeMessage({ type: 'next', part: 1 }), ['part'], [undefined, ...NO_COUNT]],
  [COMPARE, ['asOf'], [undefined, null, 1.5, '1']],
  [COMPARE, ['buckets'], [undefined, ...NO_COUNT, 0, 65_537]],
  [COMPARE, ['bucket'], [undefined, ...NO_COUNT.filter((value) => value !== null)]],
  [COMPARED, ['sums'], [undefined, null, '', 'A'.repeat(21), 'A'.repeat(33)]],
  [COMPARED, ['entries'], [undefined, null, [1], [[]]]],
  [COMPARED, ['entries', 0, 0], [null, 1]],
  [COMPARED, ['entries', 0, 1], [null, 'join', 'toString']],
  [COMPARED, ['entries', 0, 2], [...NO_COUNT, MAX_COUNTER + 1]],
  [COMPARED, ['entries', 0, 3], NO_COUNT],
  [COMPARED, ['entries', 0, 4], [...NO_COUNT, MAX_COUNTER + 1]],
  [COMPARED, ['entries', 0, 5], NO_ORIGIN],
  [COMPARED, ['entries', 0, 6], [...NO_COUNT, 0]],
  [REJOIN, ['code'], [undefined, null, 'other']],
  [REJOIN, ['reason'], [undefined, null, 'r'.repeat(1025)]],
  [REJOIN, ['smallestMember'], [undefined, 1, 'node1']],
  [REJOIN, ['reach'], [undefined, ...NO_VECTOR]],
  [ERROR, ['code'], [undefined, null, 'other', 'toString']],
  [ERROR, ['reason'], [undefined, null, 'r'.repeat(1025)]],
];

for (const [text, path, values] of WRONG) {
  const { type } = JSON.parse(text) as { type: string };
  refusals(`a ${type} whose ${path.join('.')} is missing, of another type or out of range`, () => {
    for (const value of values)
      assert.throws(
        () => decodeMessage(textWith(text, path, value)),
        isMalformed,
        `${JSON.stringify(value)} is taken`,
      );
  });
}

refusals('whatever text comes, it is a message or malformed, and nothing else goes wrong', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(), fc.string({ maxLength: 3 }), (one, at, cut, text) => {
      const whole = encodeMessage(one);
      const from = at % whole.length;
      check(whole.slice(0, from) + text + whole.slice(from + (cut % 4)));
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.json(), (text) => check(text)),
    { numRuns: 500 },
  );
});

refusals('a member of any type in any place is taken or malformed', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.jsonValue(), (one, at, value) => {
      const whole: Record<string, unknown> = JSON.parse(encodeMessage(one));
      const names = Object.keys(whole);
      whole[names[at % names.length] ?? ''] = value;
      check(JSON.stringify(whole));
    }),
    { numRuns: 2000 },
  );
});

refusals.run();

function check(text: string): void {
  try {
    const one = decodeMessage(text);
    assert.equal(decodeMessage(encodeMessage(one)), one);
  } catch (error) {
    assert.ok(isMalformed(error), `${error}`);
  }
}
