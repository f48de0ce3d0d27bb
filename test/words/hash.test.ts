import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  add,
  carriedHash,
  formatHash,
  HASH_TEXT_LENGTH,
  type Hash,
  hashKey,
  hashOp,
  hasTrueHash,
  parseHash,
  sameHash,
  subtract,
  ZERO,
} from '../../src/words/hash.ts';
import { LAST_VERSION, MAX_PUT_VERSION, type Op } from '../../src/words/op.ts';
import { hash, wireOp } from '../support/generators.ts';
import { changed, membership, put, tombstone } from '../support/ops.ts';
import { codePoint } from '../support/texts.ts';

const hashes = suite('hash of an op');

/** These are the protocol: a change of any of them needs another protocol version (PROTOCOL.md). */
const FROZEN: readonly [op: Op, high: number, low: number, text: string][] = [
  [
    put({ hlc: 1_795_000_000_000_000, key: 'user:1', value: '{"name":"Ada"}' }),
    0xcdcc0875,
    0xd0417d03,
    'M3MCHXQQX0D',
  ],
  [
    put({
      origin: 'node2.bbbbbb',
      seq: 123_456,
      hlc: 1_795_000_000_123_456,
      key: 'a/\u{1f600}\0',
      generation: 3,
      version: MAX_PUT_VERSION,
      expiresAt: 1_795_000_060_000,
      value: '12345678901234567890',
      meta: '{"values":["Date"]}',
    }),
    0x65fd57fb,
    0x6dae7858,
    'GX9V_ttrnhY',
  ],
  [
    tombstone({ seq: 2, hlc: 1_795_000_000_000_001, key: 'user:1', version: LAST_VERSION }),
    0x201afb4c,
    0x559e3e14,
    'CAa-0xVnj4U',
  ],
  [
    membership({
      seq: 3,
      hlc: 1_795_000_000_000_002,
      key: 'node2.bbbbbb',
      value: '{"url":"http://localhost:8002"}',
    }),
    0x1ee021a6,
    0xdbb26457,
    'B7gIabbsmRX',
  ],
  [
    membership({ kind: 'retire', seq: 4, hlc: 1_795_000_000_000_003, key: 'node2.bbbbbb' }),
    0xaf486724,
    0x7e3f71f2,
    'K9IZyR-P3Hy',
  ],
  [
    put({ origin: '', seq: 0, hlc: 0, key: '', version: 0, expiresAt: 0, value: '', meta: '' }),
    0x70507797,
    0x0e51527b,
    'HBQd5cOUVJ7',
  ],
];

hashes('the hashes of known ops are those of the protocol', () => {
  for (const [op, high, low, text] of FROZEN) {
    assert.equal(hashOp(op), { high, low });
    assert.is(formatHash({ high, low }), text);
    assert.ok(hasTrueHash(op));
  }
});

hashes('a change of any field changes the hash', () => {
  const field = fc.constantFrom('origin', 'seq', 'hlc', 'key', 'generation', 'version', 'value');
  fc.assert(
    fc.property(wireOp, wireOp, field, (op, other, name) => {
      if (op[name] === other[name]) return;
      assert.not.ok(sameHash(hashOp(op), hashOp(changed(op, { [name]: other[name] }))));
      assert.not.ok(hasTrueHash({ ...op, [name]: other[name] } as Op));
    }),
    { numRuns: 500 },
  );
});

hashes('a put tells null from every value of its expiry and its meta', () => {
  const never = hashOp(put({ expiresAt: null }));
  for (const expiresAt of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 51])
    assert.not.ok(sameHash(hashOp(put({ expiresAt })), never), `${expiresAt}`);
  for (const meta of ['', 'null', '\uffff\uffff'])
    assert.not.ok(sameHash(hashOp(put({ meta })), hashOp(put({ meta: null }))), meta);
});

hashes('kinds with the same fields have different hashes', () => {
  const same = { version: 0, value: null };
  const all = [
    tombstone({ version: 0 }),
    membership(same),
    membership({ ...same, kind: 'retire' }),
  ];
  assert.is(new Set(all.map((op) => formatHash(hashOp(op)))).size, 3);
});

hashes('text that moves from one field to the next changes the hash', () => {
  const variants = [
    put({ key: 'abc', value: '', meta: '' }),
    put({ key: 'ab', value: 'c', meta: '' }),
    put({ key: 'ab', value: '', meta: 'c' }),
    put({ key: '', value: 'abc', meta: '' }),
    put({ key: 'abc', value: '\0', meta: '' }),
    put({ key: 'abc\0', value: '', meta: '' }),
  ];
  assert.is(new Set(variants.map((op) => formatHash(hashOp(op)))).size, variants.length);
});

hashes('numbers that differ only above 32 bits have different hashes', () => {
  for (const field of ['seq', 'hlc', 'generation', 'version'] as const)
    assert.not.ok(sameHash(hashOp(put({ [field]: 1 })), hashOp(put({ [field]: 1 + 2 ** 32 }))));
});

hashes('of twenty thousand ops alike, none share a hash and hardly any share a half', () => {
  const [whole, highs, lows] = [new Set<string>(), new Set<number>(), new Set<number>()];
  const count = 20_000;
  for (let seq = 1; seq <= count; seq++) {
    const made = carriedHash(put({ seq, hlc: 1_000_000 + seq, key: `key-${seq % 100}` }));
    whole.add(formatHash(made));
    highs.add(made.high);
    lows.add(made.low);
  }
  assert.is(whole.size, count);
  // A random function makes a pair in 2^32 once in twenty times.
  assert.ok(highs.size > count - 5, `${highs.size}`);
  assert.ok(lows.size > count - 5, `${lows.size}`);
});

hashes('an op with another hash than its content has is told', () => {
  const op = put();
  assert.not.ok(hasTrueHash({ ...op, hashLow: op.hashLow ^ 1 }));
  assert.not.ok(hasTrueHash({ ...op, hashHigh: op.hashHigh ^ 1 }));
  assert.equal(carriedHash(op), hashOp(op));
});

hashes('keys are spread over buckets evenly, by numbers that are the protocol too', () => {
  const frozen = [
    ['', 0x88689d64],
    ['user:1', 0xef59d09c],
    ['a/\u{1f600}\0', 0x989ebd87],
  ] as const;
  for (const [key, number] of frozen) assert.is(hashKey(key), number);
  const buckets = new Array<number>(16).fill(0);
  for (let index = 0; index < 16_000; index++) {
    const bucket = hashKey(`key-${index}`) % 16;
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  for (const count of buckets) assert.ok(count > 850 && count < 1150, buckets.join(' '));
});

hashes.run();

const sums = suite('sums of hashes');
const toBigInt = ({ high, low }: Hash): bigint => (BigInt(high) << 32n) | BigInt(low);

sums('adding and subtracting are those of integers modulo 2^64', () => {
  fc.assert(
    fc.property(hash, hash, (a, b) => {
      assert.is(toBigInt(add(a, b)), BigInt.asUintN(64, toBigInt(a) + toBigInt(b)));
      assert.is(toBigInt(subtract(a, b)), BigInt.asUintN(64, toBigInt(a) - toBigInt(b)));
    }),
    { numRuns: 500 },
  );
});

sums('a sum carries from the lower half to the upper and wraps at the end', () => {
  const most = { high: 0xffffffff, low: 0xffffffff };
  assert.equal(add({ high: 0, low: 0xffffffff }, { high: 0, low: 1 }), { high: 1, low: 0 });
  assert.equal(add(most, { high: 0, low: 1 }), ZERO);
  assert.equal(subtract(ZERO, { high: 0, low: 1 }), most);
  assert.equal(subtract({ high: 1, low: 0 }, { high: 0, low: 1 }), { high: 0, low: 0xffffffff });
});

sums('a sum depends on no order, and what is taken out again leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(hash), hash, (hashesToAdd, one) => {
      const sum = hashesToAdd.reduce(add, ZERO);
      assert.ok(sameHash([...hashesToAdd].reverse().reduce(add, ZERO), sum));
      assert.ok(sameHash(subtract(add(sum, one), one), sum));
    }),
  );
});

sums('only equal halves are the same hash', () => {
  assert.ok(sameHash({ high: 1, low: 2 }, { high: 1, low: 2 }));
  assert.not.ok(sameHash({ high: 1, low: 2 }, { high: 2, low: 2 }));
  assert.not.ok(sameHash({ high: 1, low: 2 }, { high: 1, low: 1 }));
});

sums.run();

const texts = suite('hashes as text');

texts('text is the base64url of the eight bytes, with the spare bits in front', () => {
  fc.assert(
    fc.property(hash, (one) => {
      let [rest, expected] = [toBigInt(one), ''];
      for (let digit = 0; digit < HASH_TEXT_LENGTH; digit++) {
        expected = base64url(Number(rest & 63n)) + expected;
        rest >>= 6n;
      }
      assert.is(formatHash(one), expected);
    }),
    { numRuns: 300 },
  );
});

texts('reading undoes writing, and writing undoes reading', () => {
  fc.assert(
    fc.property(hash, (one) => assert.equal(parseHash(formatHash(one)), one)),
    { numRuns: 300 },
  );
  const digit = fc.integer({ min: 0, max: 63 }).map(base64url);
  fc.assert(
    fc.property(fc.string({ unit: digit, minLength: 11, maxLength: 11 }), (text) => {
      const one = parseHash(text);
      if (one === undefined) assert.ok(text.charAt(0) > 'P' || text.charAt(0) < 'A');
      else assert.is(formatHash(one), text);
    }),
    { numRuns: 300 },
  );
});

texts('what writing does not make is not read', () => {
  for (const wrong of [
    '',
    'AAAAAAAAAA',
    'AAAAAAAAAAAA',
    'AAAAA+AAAAA',
    'AAAAAAAAAA=',
    'QAAAAAAAAAA',
  ])
    assert.is(parseHash(wrong), undefined, wrong);
  assert.equal(parseHash('P__________'), { high: 0xffffffff, low: 0xffffffff });
  fc.assert(
    fc.property(fc.string({ unit: codePoint, maxLength: 12 }), (text) => {
      const one = parseHash(text);
      if (one !== undefined) assert.is(formatHash(one), text);
    }),
  );
});

texts.run();

/** The digit of RFC 4648, section 5. */
function base64url(bits: number): string {
  return Buffer.from([bits << 2])
    .toString('base64url')
    .charAt(0);
}
