/** Random ops, histories, vectors and texts for properties. Small ranges, so that everything collides. */
import fc from 'fast-check';
import type { Digest } from '../../src/gossip/protocol/digest.ts';
import type { DigestChanges } from '../../src/gossip/protocol/digestChanges.ts';
import type { ErrorMessage, Message } from '../../src/gossip/protocol/messages.ts';
import type { Report } from '../../src/rules/certificate.ts';
import type { ReportChanges } from '../../src/rules/reportChanges.ts';
import type { Range } from '../../src/words/delta.ts';
import { type Hash, ZERO } from '../../src/words/hash.ts';
import {
  type KeyOp,
  LAST_VERSION,
  MAX_COUNTER,
  MAX_GENERATION,
  type Op,
} from '../../src/words/op.ts';
import type { VectorChanges } from '../../src/words/vectorChanges.ts';
import { membership, put, tombstone } from './ops.ts';
import { codePoint, url } from './texts.ts';

export const ORIGINS = ['node1.aaaaaa', 'node2.bbbbbb', 'node3.cccccc'] as const;
/** The last two come in another order by UTF-16 code units. */
const KEYS = ['a', 'b', 'ab', 'é', '\uff5a', '\u{1f600}'];

export const origin = fc.constantFrom(...ORIGINS);
export const key = fc.constantFrom(...KEYS);
const small = fc.integer({ min: 0, max: 3 });
const generation = fc.oneof(small, fc.integer({ min: 0, max: MAX_GENERATION }));
const counter = fc.oneof(small, fc.integer({ min: 0, max: MAX_COUNTER }));
const version = fc.oneof(small, fc.constantFrom(LAST_VERSION, LAST_VERSION - 1));

const onKey = {
  origin,
  seq: fc.integer({ min: 1, max: 3 }),
  hlc: small,
  key,
  generation: small,
  version,
};
const expiresAt = fc.option(fc.integer({ min: 0, max: 200_000 }), { nil: null });

/** Any op on a key; two of them may bear one op id and differ, which no history of a cluster holds. */
export const keyOp: fc.Arbitrary<KeyOp> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ ...onKey, expiresAt, value: fc.constantFrom('1', '2') }).map(put),
  },
  { weight: 1, arbitrary: fc.record(onKey).map(tombstone) },
);

/** Ops on keys as a cluster may hold them: no op id twice, and the seqs of an origin without gaps. */
export const keyOps = (maxLength = 30): fc.Arbitrary<KeyOp[]> =>
  fc.array(keyOp, { maxLength }).map((ops) => {
    const seqs = new Map<string, number>();
    return ops.map((op) => {
      const seq = (seqs.get(op.origin) ?? 0) + 1;
      seqs.set(op.origin, seq);
      return withSeq(op, seq);
    });
  });

export const withSeq = (op: KeyOp, seq: number): KeyOp =>
  op.kind === 'put' ? put({ ...unhashed(op), seq }) : tombstone({ ...unhashed(op), seq });

function unhashed<O extends KeyOp>(op: O): Omit<O, 'hashHigh' | 'hashLow'> {
  const { hashHigh: _high, hashLow: _low, ...rest } = op;
  return rest;
}

/** A text that UTF-8 can hold, with whatever JSON has to escape. */
export const wellFormedText = fc.string({ unit: codePoint, maxLength: 20 });

const memberOp: fc.Arbitrary<Op> = fc
  .record({
    origin,
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    hlc: counter,
    key: origin,
    kind: fc.constantFrom<'join' | 'retire'>('join', 'retire'),
    said: fc.option(
      fc.record({ nodeId: wellFormedText, url: fc.constantFrom('http://a:1', null) }),
      {
        nil: null,
      },
    ),
  })
  .map(({ said, ...op }) =>
    membership({
      ...op,
      value: op.kind === 'retire' || said === null ? null : JSON.stringify(said),
    }),
  );

/** Any op that the wire carries, over the whole range of every field. */
export const wireOp: fc.Arbitrary<Op> = fc
  .record({
    origin,
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    hlc: counter,
    key: fc.string({ unit: codePoint, minLength: 1, maxLength: 20 }),
    generation,
    version: fc.integer({ min: 0, max: LAST_VERSION }),
  })
  .chain((common) =>
    fc.oneof(
      fc
        .record({
          expiresAt: fc.option(fc.integer({ min: 0, max: 2 ** 51 }), { nil: null }),
          value: fc.json(),
          meta: fc.option(fc.json(), { nil: null }),
        })
        .map(
          (rest): Op =>
            put({ ...common, ...rest, version: Math.min(common.version, LAST_VERSION - 1) }),
        ),
      fc.constant<Op>(tombstone(common)),
      memberOp,
    ),
  );

const half = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x80000000, 0xffffffff),
);
export const hash: fc.Arbitrary<Hash> = fc.record(
  { high: half, low: half },
  { noNullPrototype: true },
);

export const vector: fc.Arbitrary<Map<string, number>> = fc
  .dictionary(origin, small)
  .map((seqs) => new Map(Object.entries(seqs)));

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 });

/** Names of members: what Hearsay asks for, and what a careless reader takes for something else. */
export const memberName = fc.constantFrom(
  'value',
  'ops',
  'a',
  '',
  '__proto__',
  'toString',
  '0',
  'a"b',
  'a\\nb',
  'a\nb',
  '\u{1f600}',
);

/** One of the many ways to write a string in JSON. */
function stringText(text: string): fc.Arbitrary<string> {
  const eachUnit = { minLength: text.length, maxLength: text.length };
  return fc.array(fc.boolean(), eachUnit).map((flags) => {
    const units = flags.map((isEscaped, index) => {
      const code = text.charCodeAt(index);
      if (isEscaped) return `\\u${code.toString(16).padStart(4, '0')}`;
      // Half of a pair: alone, JSON.stringify would escape it.
      if (code >= 0xd800 && code <= 0xdfff) return text.charAt(index);
      return JSON.stringify(text.charAt(index)).slice(1, -1);
    });
    return `"${units.join('')}"`;
  });
}

const scalarText = fc.oneof(
  fc.constantFrom('null', 'true', 'false', '-0', '12345678901234567890', '0.10', '1E-2', '1e400'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.string({ unit: codePoint, maxLength: 6 }).chain(stringText),
  fc.constantFrom('"{"', '"]"', '",:\\""', '"\\\\"', '"\\u0022"'),
);

const inSpace = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(space, text, space).map((parts) => parts.join(''));

const listText = (open: string, item: fc.Arbitrary<string>, close: string): fc.Arbitrary<string> =>
  fc
    .tuple(space, fc.array(inSpace(item), { maxLength: 5 }))
    .map(([empty, items]) => open + (items.length === 0 ? empty : items.join(',')) + close);

/** Members of an object; a name may come twice. */
const memberText = (value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(memberName.chain(stringText), space, inSpace(value))
    .map(([name, before, text]) => `${name}${before}:${text}`);

/** JSON text of any value, with the whitespace, escapes, duplicates and digits that people send. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalarText,
    listText('[', tie('value'), ']'),
    listText('{', memberText(tie('value')), '}'),
  ),
})).value;

export const jsonObjectText = inSpace(listText('{', memberText(jsonText), '}'));
export const jsonArrayText = inSpace(listText('[', jsonText, ']'));

/** The vector with a sum an origin, as messages carry them. */
export const summedVector = vector.chain((held) =>
  fc.array(hash, { minLength: held.size, maxLength: held.size }).map((sums) => ({
    vector: held,
    sums: new Map([...held.keys()].map((name, index) => [name, sums[index] ?? ZERO])),
  })),
);

const time = fc.integer({ min: 0, max: 2 ** 42 });

export const digest: fc.Arbitrary<Digest> = fc
  .record({
    summed: summedVector,
    retiredSum: fc.option(hash, { nil: null }),
    listsRetired: fc.boolean(),
    closed: fc.option(fc.record({ count: fc.nat(), sum: hash }, { noNullPrototype: true }), {
      nil: undefined,
    }),
    unheard: fc.option(fc.array(origin, { maxLength: 3 }), { nil: undefined }),
    asOf: fc.integer({ min: 0, max: 2 ** 32 }),
    mapSum: hash,
    horizon: counter,
    clock: time,
  })
  .map(({ summed, closed, unheard, ...rest }) => ({
    ...summed,
    ...rest,
    ...(closed !== undefined && { closed }),
    ...(unheard !== undefined && { unheard }),
  }));

const range: fc.Arbitrary<Range> = fc.record(
  { origin, after: fc.nat(), to: fc.nat(), sum: hash },
  { noNullPrototype: true },
);
const nodeName = fc.constantFrom('node1', 'n', 'a-b_C9');
const protocolVersion = fc.integer({ min: 1, max: 9 });
const shortText = fc.string({ unit: codePoint, maxLength: 40 });

const compared = fc.nat().map((asOf) => ({ type: 'compared' as const, asOf }));

const mark = keyOp.map(({ key: name, kind, generation, version: of, hlc, origin: from, seq }) => ({
  key: name,
  kind,
  generation,
  version: of,
  hlc,
  origin: from,
  seq,
}));

const roundName = fc.string({ unit: codePoint, minLength: 1, maxLength: 20 });

const report: fc.Arbitrary<Report> = fc
  .record({ members: fc.uniqueArray(origin), min: vector, max: vector, clock: time })
  .map(({ members, ...held }) => ({ members: new Set(members), ...held }));

const vectorChanges: fc.Arbitrary<VectorChanges> = fc.record(
  {
    steps: fc
      .array(fc.tuple(fc.nat(), fc.integer()), { maxLength: 3 })
      .map((pairs) => pairs.flat()),
    added: vector,
  },
  { noNullPrototype: true },
);
const digestChanges: fc.Arbitrary<DigestChanges> = fc
  .tuple(vectorChanges, digest, hash, fc.array(hash, { maxLength: 3 }))
  .map(([changes, { vector: _, sums: __, ...rest }, base, sums]) => ({
    ...changes,
    base,
    hash: rest.mapSum,
    sums,
    rest,
  }));
const members = fc.uniqueArray(origin).map((all): ReadonlySet<string> => new Set(all));

const reportChanges: fc.Arbitrary<ReportChanges> = fc.record(
  {
    base: hash,
    hash,
    clock: time,
    listsAll: fc.boolean(),
    joined: members,
    left: members,
    min: vectorChanges,
    max: vectorChanges,
  },
  { noNullPrototype: true },
);

/** Any message that one peer may send another. */
export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record(
    {
      type: fc.constant<'hello'>('hello'),
      protocol: fc.tuple(protocolVersion, protocolVersion),
      cluster: shortText,
      clusterId: fc.option(shortText, { nil: null }),
      formedAt: time,
      size: fc.nat(),
      joined: fc.boolean(),
      admittedBy: fc.option(origin, { nil: null }),
      nodeId: nodeName,
      origin,
      instance: shortText,
      url: fc.option(url, { nil: null }),
      clock: time,
    },
    { noNullPrototype: true },
  ),
  fc
    .tuple(digest, fc.option(fc.nat(), { nil: null }))
    .map(([one, re]): Message => ({ type: 'digest', digest: one, ...(re !== null && { re }) })),
  fc
    .record({
      ranges: fc.array(range, { maxLength: 3 }),
      ops: fc.array(wireOp, { maxLength: 4 }),
      answer: fc.option(fc.tuple(digest, fc.boolean(), fc.nat()), { nil: null }),
    })
    .map(
      ({ ranges, ops, answer }): Message => ({
        type: 'delta',
        delta: { ranges, ops },
        answer: answer && { digest: answer[0], more: answer[1] },
        ...(answer !== null && answer[2] > 0 && { re: answer[2] }),
      }),
    ),
  fc
    .record({
      part: fc.nat(),
      rows: fc.array(fc.tuple(wireOp, fc.boolean()), { maxLength: 4 }),
      origins: fc.option(fc.tuple(summedVector, vector), { nil: null }),
      end: fc.option(fc.tuple(summedVector, vector, counter), { nil: null }),
    })
    .map(
      ({ part, rows, origins, end }): Message => ({
        type: 'snapshot',
        part,
        rows: rows.map(([op, isEntry]) => ({ op, isEntry })),
        origins: origins && { ...origins[0], reach: origins[1] },
        end: end && { ...end[0], reach: end[1], horizon: end[2] },
      }),
    ),
  fc
    .tuple(compared, fc.array(hash, { minLength: 3, maxLength: 3 }))
    .map(([fields, sums]): Message => ({ ...fields, buckets: 3, bucket: null, sums, entries: [] })),
  fc
    .tuple(compared, fc.array(mark, { maxLength: 3 }))
    .map(([fields, entries]): Message => ({ ...fields, buckets: 4, bucket: 2, sums: [], entries })),
  fc.record(
    {
      type: fc.constant<'compare'>('compare'),
      asOf: fc.nat(),
      buckets: fc.integer({ min: 1, max: 16_384 }),
      bucket: fc.option(fc.nat(), { nil: null }),
    },
    { noNullPrototype: true },
  ),
  fc
    .tuple(
      roundName,
      fc.integer({ min: 0, max: 60_000 }),
      fc.option(fc.nat({ max: 1000 }), { nil: null }),
      fc.option(hash, { nil: null }),
    )
    .map(
      ([id, timeMs, hops, base]): Message => ({
        type: 'round',
        id,
        timeMs,
        ...(hops !== null && { hops }),
        ...(base !== null && { base }),
      }),
    ),
  fc
    .tuple(roundName, fc.option(report, { nil: null }))
    .map(([id, one]): Message => ({ type: 'echo', id, ...(one !== null && { report: one }) })),
  fc
    .tuple(roundName, report)
    .map(([id, one]): Message => ({ type: 'certificate', id, report: one })),
  fc
    .tuple(fc.constantFrom('echo', 'certificate'), roundName, reportChanges)
    .map(([type, id, changes]): Message => ({ type, id, changes })),
  roundName.map((id): Message => ({ type: 'certified', id })),
  fc
    .tuple(roundName, fc.option(hash, { nil: null }))
    .map(([id, base]): Message => ({ type: 'certify', id, ...(base !== null && { base }) })),
  fc.constantFrom<Message>({ type: 'prune' }, { type: 'graft' }, { type: 'graft', branch: true }),
  vector.map((added): Message => ({ type: 'have', seqs: { base: null, steps: [], added } })),
  fc
    .tuple(vectorChanges, hash)
    .map(([changes, base]): Message => ({ type: 'have', seqs: { ...changes, base } })),
  fc.tuple(wireOp, hash).map(([op, sum]): Message => {
    const ranges = [{ origin: op.origin, after: op.seq - 1, to: op.seq, sum }];
    return { type: 'push', delta: { ranges, ops: [op] } };
  }),
  fc.nat().map((part): Message => ({ type: 'next', part })),
  fc.constant<Message>({ type: 'later' }),
  fc.constant<Message>({ type: 'later', re: 3, reason: 'others have joined' }),
  fc
    .record({ clock: fc.nat(), re: fc.nat() })
    .map((fields): Message => ({ type: 'same', ...fields })),
  fc
    .record({ hash, clock: fc.nat(), re: fc.nat() })
    .map((fields): Message => ({ type: 'level', ...fields })),
  fc.nat().map((re): Message => ({ type: 'unlike', re })),
  fc.tuple(digestChanges, fc.nat()).map(([changes, re]): Message => ({ type: 'ask', changes, re })),
  fc
    .record({
      changes: digestChanges,
      ranges: fc.array(range, { maxLength: 3 }),
      ops: fc.array(wireOp, { maxLength: 4 }),
      more: fc.boolean(),
      re: fc.nat(),
    })
    .map(
      ({ ranges, ops, ...rest }): Message => ({ type: 'reply', delta: { ranges, ops }, ...rest }),
    ),
  fc.record(
    {
      type: fc.constant<'judge'>('judge'),
      re: fc.nat(),
      held: vector,
      base: vector,
      after: fc.nat(),
    },
    { noNullPrototype: true },
  ),
  fc
    .record({
      re: fc.nat(),
      includesBase: fc.boolean(),
      ops: fc.array(mark, { maxLength: 3 }),
      complete: fc.boolean(),
      cutAt: fc.option(time, { nil: null }),
      next: fc.option(fc.nat(), { nil: null }),
    })
    .map((fields): Message => ({ type: 'judged', ...fields })),
  fc.tuple(counter, fc.nat()).map(([since, after]): Message => ({ type: 'deletes', since, after })),
  fc
    .tuple(fc.array(fc.tuple(wellFormedText, counter)), fc.option(fc.nat(), { nil: null }))
    .map(([deletes, next]): Message => ({ type: 'deleted', deletes, next })),
  fc.record({ type: fc.constant<'confirm'>('confirm'), seq: fc.nat() }, { noNullPrototype: true }),
  fc.record(
    { type: fc.constant<'confirmed'>('confirmed'), seq: fc.nat(), sum: hash },
    { noNullPrototype: true, requiredKeys: ['type', 'seq'] },
  ),
  fc.record(
    {
      type: fc.constant<'rejoin'>('rejoin'),
      code: fc.constantFrom<'retired' | 'stranger' | 'behind'>('retired', 'stranger', 'behind'),
      reason: shortText,
      smallestMember: fc.option(origin, { nil: null }),
      reach: vector,
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constant<'error'>('error'),
      code: fc.constantFrom<ErrorMessage['code']>(
        'protocol',
        'cluster',
        'clock',
        'clone',
        'duplicate',
        'malformed',
      ),
      reason: shortText,
    },
    { noNullPrototype: true },
  ),
);
