import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Basis, emptyRecord } from '../../src/rules/basis.ts';
import { Closings } from '../../src/rules/closings.ts';
import { Batch } from '../../src/rules/decide.ts';
import { Members } from '../../src/rules/members.ts';
import type { Condition } from '../../src/words/condition.ts';
import { add, carriedHash, hasTrueHash, ZERO } from '../../src/words/hash.ts';
import {
  compareOps,
  decidingClause,
  formatOpId,
  isDead,
  isOnKey,
  type KeyOp,
  LAST_VERSION,
  MAX_COUNTER,
  MAX_PUT_VERSION,
  type Op,
} from '../../src/words/op.ts';
import type {
  DecidedOutcome,
  DeleteRequest,
  PutRequest,
  Request,
  TouchRequest,
} from '../../src/words/requests.ts';
import type { OriginRecord } from '../../src/words/row.ts';
import { key, keyOp } from '../support/generators.ts';
import { changed, naiveFold, put, sumOf, tombstone } from '../support/ops.ts';

const NOW = 1_795_000_000_000;
const ORIGIN = 'node1.aaaaaa';

const putting = (fields: Partial<PutRequest> = {}): PutRequest => ({
  kind: 'put',
  key: 'key',
  version: 1,
  ttlMs: null,
  value: '1',
  meta: null,
  ...fields,
});
const deleting = (upToVersion: number | null = null): DeleteRequest => ({
  kind: 'delete',
  key: 'key',
  upToVersion,
});
const getting: Request = { kind: 'get', key: 'key' };

interface State {
  readonly entry?: KeyOp | undefined;
  readonly horizon?: number;
  readonly record?: OriginRecord;
  readonly lastLsn?: number;
  readonly hlc?: number;
  readonly isFullOfKeys?: boolean;
}

/** A batch against a map of one entry. */
function batchOn(state: State = {}): Batch {
  const { entry, horizon = 0, record, lastLsn = 0, hlc = 0, isFullOfKeys = false } = state;
  const basis: Basis = {
    head: (name) => (entry?.key === name ? entry : undefined),
    entry: (name) => (entry?.key === name ? entry : undefined),
    foresee: () => {},
    record: (origin) => (record?.origin === origin ? record : emptyRecord(origin)),
    origin: ORIGIN,
    lastLsn,
    hlc,
    horizon,
    vector: new Map(),
    isFullOfKeys: () => isFullOfKeys,
    offered: null,
    members: new Members(),
    closings: new Closings(),
    snapshot: null,
  };
  return new Batch(basis, NOW);
}

/** The outcome of one request. */
function decided(state: State, request: Request): DecidedOutcome {
  const [outcome] = batchOn(state).requests([request]);
  assert.ok(outcome);
  return outcome;
}

/** The op that a request was turned into. */
function opOf(outcome: DecidedOutcome | undefined): KeyOp {
  assert.ok(
    outcome !== undefined && 'op' in outcome && outcome.op !== null,
    JSON.stringify(outcome),
  );
  return outcome.op;
}

const live = put({ origin: 'node2.bbbbbb', version: 5, generation: 2, expiresAt: NOW + 1 });
const expired = changed(live, { expiresAt: NOW });
const deleted = tombstone({ origin: 'node2.bbbbbb', version: LAST_VERSION, generation: 2 });
const dead = [expired, deleted];

const puts = suite('deciding a PUT (rule 2)');

puts(
  'over a live entry an equal or lower version is a conflict, and a greater one is stored',
  () => {
    for (const version of [0, 4, 5])
      assert.equal(decided({ entry: live }, putting({ version })), {
        kind: 'conflict',
        currentVersion: 5,
      });
    assert.is(opOf(decided({ entry: live }, putting({ version: 6 }))).version, 6);
  },
);

puts('over a live entry the op keeps the generation, whatever the horizon', () => {
  const outcome = decided({ entry: live, horizon: 9 }, putting({ version: 6 }));
  assert.is(opOf(outcome).generation, 2);
});

puts('where the key is absent any version is stored, in the generation of the horizon', () => {
  for (const version of [0, 1, MAX_PUT_VERSION]) {
    const op = opOf(decided({ horizon: 4 }, putting({ version })));
    assert.equal([op.version, op.generation], [version, 4]);
  }
});

puts(
  'over a dead entry any version is stored, in a generation above it and up to the horizon',
  () => {
    for (const entry of dead)
      for (const [horizon, generation] of [
        [0, 3],
        [3, 3],
        [8, 8],
      ] as const) {
        const op = opOf(decided({ entry, horizon }, putting({ version: 0 })));
        assert.equal([op.version, op.generation], [0, generation]);
      }
  },
);

puts('`next` is one above a live version, and 1 where nothing lives', () => {
  const request = putting({ version: 'next' });
  assert.is(opOf(decided({ entry: live }, request)).version, 6);
  assert.is(opOf(decided({}, request)).version, 1);
  for (const entry of dead) assert.is(opOf(decided({ entry }, request)).version, 1);
});

puts('`next` above the greatest version that a PUT may have is a conflict', () => {
  const entry = changed(live, { version: MAX_PUT_VERSION });
  const outcome = decided({ entry }, putting({ version: 'next' }));
  assert.equal(outcome, {
    kind: 'conflict',
    currentVersion: MAX_PUT_VERSION,
    isExhausted: true,
  });
  assert.is(batchOn({ entry }).rows.length, 0);
});

puts('a time to live becomes an expiry by the clock of the batch (rule 4)', () => {
  const op = opOf(decided({}, putting({ ttlMs: 250, value: '[1]', meta: '{"a":1}' })));
  assert.is(op.expiresAt, NOW + 250);
  assert.equal([op.value, op.meta, op.kind], ['[1]', '{"a":1}', 'put']);
  assert.is(opOf(decided({}, putting())).expiresAt, null);
});

puts.run();

const deletes = suite('deciding a DELETE (rule 3)');

deletes('of a live entry, it ends the generation with the greatest version', () => {
  const op = opOf(decided({ entry: live, horizon: 9 }, deleting()));
  assert.equal([op.kind, op.generation, op.version], ['delete', 2, LAST_VERSION]);
});

deletes('of an absent or dead key, it ends the generation that a PUT would get now', () => {
  for (const entry of [undefined, ...dead])
    for (const horizon of [0, 3, 8]) {
      const state = { entry, horizon };
      const op = opOf(decided(state, deleting()));
      assert.is(op.generation, opOf(decided(state, putting())).generation);
      assert.is(op.version, LAST_VERSION);
    }
});

deletes('a conditional one ends a live entry of at most its version, at that version', () => {
  for (const version of [5, 6, MAX_PUT_VERSION]) {
    const op = opOf(decided({ entry: live, horizon: 9 }, deleting(version)));
    assert.equal([op.kind, op.generation, op.version], ['delete', 2, version]);
  }
});

deletes('a conditional one below the live version is a conflict', () => {
  const outcome = decided({ entry: live }, deleting(4));
  assert.equal(outcome, { kind: 'conflict', currentVersion: 5 });
});

deletes('a conditional one of what does not live logs nothing', () => {
  for (const entry of [undefined, ...dead]) {
    const batch = batchOn({ entry });
    assert.equal(batch.requests([deleting(9)]), [{ kind: 'deleted', op: null, existed: false }]);
    assert.ok(batch.isEmpty);
  }
});

const touching = (ttlMs: number | null = null): TouchRequest => ({
  kind: 'touch',
  key: 'key',
  ttlMs,
});

const touches = suite('deciding a touch (rule 1)');

touches('one is the live entry once more, later and with another expiry', () => {
  for (const ttlMs of [500, null]) {
    const outcome = decided({ entry: live }, touching(ttlMs));
    if (outcome.kind !== 'stored') throw new Error(outcome.kind);
    const { op } = outcome;
    assert.is(outcome.isTouch, true);
    assert.equal(
      [op.generation, op.version, op.value, op.meta, op.expiresAt],
      [live.generation, live.version, live.value, live.meta, ttlMs && NOW + ttlMs],
    );
    assert.ok(compareOps(op, live) > 0);
    assert.is(decidingClause(op, live), 'hlc');
    assert.ok(hasTrueHash(op));
  }
});

touches('an op is told as a touch if it beats a put of the same content by its birth alone', () => {
  const again = { origin: 'node3.cccccc', seq: 1, hlc: live.hlc + 1 };
  const touch = changed(live, { ...again, expiresAt: null });
  for (const [name, entry, op, isTouch] of [
    ['it has another expiry', live, touch, true],
    ['it is the very same', live, changed(live, again), true],
    ['another value', live, changed(touch, { value: '2' }), false],
    ['a higher version', live, changed(touch, { version: 6 }), false],
    ['a later generation', live, changed(touch, { generation: 3 }), false],
    ['an earlier birth', live, changed(touch, { hlc: live.hlc - 1 }), false],
    ['a tombstone', live, tombstone({ ...again, version: 5, generation: 2 }), false],
    ['it beats a tombstone', tombstone({ ...again, version: 5 }), touch, false],
    ['it is the first of its key', undefined, touch, false],
  ] as const) {
    const batch = batchOn({ entry });
    const ranges = [{ origin: op.origin, after: 0, to: 1, sum: sumOf([op]) }];
    assert.equal(batch.delta({ ranges, ops: [op] }), { kind: 'applied', ops: 1 }, name);
    assert.equal([...batch.touched.values()], isTouch ? [entry] : [], name);
  }
});

touches('one comes after an HLC that this node does not follow', () => {
  const ahead = put({ ...live, hlc: MAX_COUNTER - 1, origin: 'z.zzzzzz' });
  const outcome = decided({ entry: ahead }, touching());
  assert.ok(outcome.kind === 'stored' && compareOps(outcome.op, ahead) > 0);
});

touches('one of what does not live is refused, and logs nothing', () => {
  for (const entry of [undefined, ...dead]) {
    const batch = batchOn({ entry });
    const expired = entry?.kind === 'put';
    assert.equal(batch.requests([touching()]), [{ kind: 'absent', expired }]);
    assert.ok(batch.isEmpty);
  }
});

touches('one sees the requests before it in its batch', () => {
  const kinds = batchOn({ entry: live })
    .requests([deleting(), touching(), putting({ version: 9 }), touching(5)])
    .map(({ kind }) => kind);
  assert.equal(kinds, ['deleted', 'absent', 'stored', 'stored']);
});

touches(
  'of touches, puts and deletes, unseen by one another, no order lets a touch win over more',
  () => {
    const entry = changed(live, { expiresAt: null });
    const bornAt = (origin: string, laterMs: number, one: Request): KeyOp[] => {
      const batch = batchOn({ entry, hlc: (NOW + laterMs) * 1000 });
      batch.renewOrigin(origin);
      batch.requests([one]);
      return batch.rows.map(({ op }) => op).filter(isOnKey);
    };
    const request = fc.constantFrom<Request>(
      touching(5),
      touching(null),
      putting({ version: live.version + 1 }),
      deleting(),
      deleting(live.version),
    );
    const concurrent = fc.array(fc.tuple(request, fc.integer({ min: 0, max: 20 })), {
      minLength: 2,
      maxLength: 6,
    });
    const shuffled = concurrent.chain((all) => {
      const ops = all.flatMap(([one, laterMs], index) => bornAt(`n${index}.aaaaaa`, laterMs, one));
      return fc.tuple(fc.constant(ops), fc.shuffledSubarray(ops, { minLength: ops.length }));
    });
    fc.assert(
      fc.property(shuffled, ([ops, other]) => {
        const [winner] = naiveFold([entry, ...ops]).values();
        assert.equal([...naiveFold([...other, entry]).values()], [winner]);
        const isTouch = (op: KeyOp) => op.kind === 'put' && op.version === live.version;
        const more = ops.filter((op) => !isTouch(op));
        assert.is(winner !== undefined && isTouch(winner), more.length === 0);
      }),
      { numRuns: 500 },
    );
  },
);

touches.run();

deletes('one tells whether the key was live', () => {
  const existed = (entry: KeyOp | undefined, request: DeleteRequest) => {
    const outcome = decided({ entry }, request);
    return outcome.kind === 'deleted' && outcome.existed;
  };
  assert.equal(
    [deleting(), deleting(5)].map((one) => existed(live, one)),
    [true, true],
  );
  for (const entry of [undefined, ...dead])
    assert.equal(
      [deleting(), deleting(9)].map((one) => existed(entry, one)),
      [false, false],
    );
  const again = batchOn({ entry: live }).requests([deleting(), deleting()]);
  assert.equal(
    again.map((one) => one.kind === 'deleted' && one.existed),
    [true, false],
  );
});

deletes('a racing higher PUT survives a conditional one and not an unconditional one', () => {
  const racing = changed(live, { version: 7, seq: 9 });
  const [conditional, ending] = [deleting(6), deleting()].map((request) =>
    opOf(decided({ entry: live }, request)),
  );
  assert.ok(conditional && ending);
  assert.is(naiveFold([conditional, racing]).get('key'), racing);
  assert.is(naiveFold([ending, racing]).get('key'), ending);
});

deletes.run();

const conditions = suite('deciding under a condition');

const OP_ID = formatOpId(live);
const EXACT: Condition = { isOneOf: [OP_ID], isNoneOf: null };
const ABSENT: Condition = { isOneOf: null, isNoneOf: 'any' };

conditions('what does not hold changes nothing, whatever the version', () => {
  for (const request of [putting({ version: 9 }), deleting()])
    for (const [entry, condition, currentVersion] of [
      [live, ABSENT, 5],
      [changed(live, { seq: live.seq + 1 }), EXACT, 5],
      [expired, EXACT, null],
      [undefined, EXACT, null],
    ] as const) {
      const batch = batchOn({ entry });
      const outcomes = batch.requests([{ ...request, condition }]);
      assert.equal(outcomes, [{ kind: 'preconditionFailed', currentVersion }]);
      assert.ok(batch.isEmpty);
    }
});

conditions('of two in one batch, the second sees what the first did', () => {
  const request = { ...putting({ version: 'next' }), condition: EXACT };
  const [first, second] = batchOn({ entry: live }).requests([request, request]);
  assert.is(first?.kind, 'stored');
  assert.equal(second, { kind: 'preconditionFailed', currentVersion: 6 });
});

conditions.run();

const batches = suite('deciding a batch');

batches('each request sees what those before it did', () => {
  const requests = [
    getting,
    putting({ version: 3 }),
    putting({ version: 3 }),
    putting({ version: 'next' }),
    getting,
    deleting(3),
    deleting(4),
    getting,
    deleting(),
    putting({ version: 0 }),
    getting,
  ];
  const kinds = batchOn()
    .requests(requests)
    .map((outcome) => outcome.kind);
  assert.equal(kinds, [
    'absent',
    'stored',
    'conflict',
    'stored',
    'found',
    'conflict',
    'deleted',
    'absent',
    'deleted',
    'stored',
    'found',
  ]);
});

batches('a key that dies within a batch comes back in the next generation', () => {
  const outcomes = batchOn().requests([putting(), deleting(), putting(), deleting(), deleting()]);
  const generations = outcomes.map((outcome) => opOf(outcome).generation);
  assert.equal(generations, [0, 0, 1, 1, 2]);
});

batches('a get tells an expired key from one that was deleted or never was', () => {
  assert.equal(decided({ entry: live }, getting), { kind: 'found', entry: live });
  assert.equal(decided({ entry: expired }, getting), { kind: 'absent', expired: true });
  assert.equal(decided({ entry: deleted }, getting), { kind: 'absent', expired: false });
  assert.equal(decided({}, getting), { kind: 'absent', expired: false });
});

batches('while keys fill the memory, only puts of keys without an entry are refused', () => {
  const full = { entry: live, isFullOfKeys: true };
  const one = putting({ key: 'new' });
  assert.equal(decided(full, one), { kind: 'memoryFull' });
  assert.is(decided(full, putting({ version: live.version + 1 })).kind, 'stored');
  assert.is(decided({ ...full, entry: deleted }, putting()).kind, 'stored');
  assert.is(decided(full, deleting()).kind, 'deleted');
  assert.is(batchOn(full).offeredPuts([one])[0]?.kind, 'stored');
  const [first, second] = batchOn({ isFullOfKeys: true }).requests([deleting(), putting()]);
  assert.equal([first?.kind, second?.kind], ['deleted', 'stored']);
  const news = put({ key: 'of a peer', origin: 'node2.bbbbbb' });
  const range = { origin: news.origin, after: 0, to: 1, sum: sumOf([news]) };
  assert.is(batchOn(full).delta({ ranges: [range], ops: [news] }).kind, 'applied');
});

batches('requests on other keys do not see each other', () => {
  const outcomes = batchOn().requests([putting({ key: 'a' }), putting({ key: 'b' })]);
  assert.equal(
    outcomes.map((outcome) => opOf(outcome).key),
    ['a', 'b'],
  );
});

batches(
  'ops are numbered on from the record, rows from the last lsn, at the clock of the batch',
  () => {
    const record = { ...emptyRecord(ORIGIN), seq: 7, sum: { high: 1, low: 2 } };
    const batch = batchOn({ record, lastLsn: 40 });
    batch.requests([putting(), getting, putting(), putting({ version: 2 })]);
    const [first, second] = batch.rows;
    assert.ok(first && second);
    assert.is(batch.rows.length, 2);
    assert.equal([first.op.seq, second.op.seq], [8, 9]);
    assert.equal([first.lsn, second.lsn], [41, 42]);
    assert.equal([first.committedAt, first.won, second.won], [NOW, true, true]);
    const sum = add(record.sum, add(carriedHash(first.op), carriedHash(second.op)));
    assert.equal(batch.records.get(ORIGIN), { ...record, seq: 9, sum });
  },
);

batches('stamps rise above the last one seen, and the batch tells its last', () => {
  const batch = batchOn({ hlc: NOW * 1000 + 5 });
  batch.requests([putting({ key: 'a' }), putting({ key: 'b' })]);
  assert.equal(
    batch.rows.map(({ op }) => op.hlc),
    [NOW * 1000 + 6, NOW * 1000 + 7],
  );
  assert.is(batch.hlc, NOW * 1000 + 7);
});

batches('a change of the members is an op that wins no key', () => {
  const batch = batchOn();
  batch.requests([putting({ key: 'node2.bbbbbb' })]);
  const op = batch.membership('join', 'node2.bbbbbb', '{"url":null}');
  assert.equal([op.kind, op.key, op.value, op.seq], ['join', 'node2.bbbbbb', '{"url":null}', 2]);
  assert.is(batch.rows[1]?.won, false);
  assert.ok(hasTrueHash(op));
});

batches('after any requests the rows that won are the map, and every hash and sum is true', () => {
  const version = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant<'next'>('next'));
  const request: fc.Arbitrary<Request> = fc.oneof(
    fc
      .record({ key, version, ttlMs: fc.option(fc.integer({ min: 1, max: 9 }), { nil: null }) })
      .map((fields) => putting(fields)),
    fc
      .record({ key, upToVersion: fc.option(fc.integer({ min: 0, max: 4 }), { nil: null }) })
      .map((fields): Request => ({ kind: 'delete', ...fields })),
    key.map((name): Request => ({ kind: 'get', key: name })),
  );
  const before = fc.option(keyOp, { nil: undefined });
  fc.assert(
    fc.property(before, fc.nat(4), fc.array(request), (entry, horizon, requests) => {
      const batch = batchOn({ entry, horizon });
      const outcomes = batch.requests(requests);
      const born = batch.rows.map(({ op }) => op);
      assert.ok(batch.rows.every((one) => one.won && hasTrueHash(one.op)));
      assert.equal(
        born,
        outcomes.flatMap((outcome) => ('op' in outcome && outcome.op !== null ? [outcome.op] : [])),
      );
      assert.equal(batch.records.get(ORIGIN)?.sum ?? ZERO, sumOf(born));
      const map = naiveFold([...(entry === undefined ? [] : [entry]), ...born.filter(isOnKey)]);
      for (const name of new Set(requests.map((one) => one.key))) {
        const [read] = batch.requests([{ kind: 'get', key: name }]);
        const held = map.get(name);
        const expected = held !== undefined && !isDead(held, NOW) ? held : undefined;
        assert.equal(read?.kind === 'found' ? read.entry : undefined, expected);
      }
    }),
    { numRuns: 500 },
  );
});

batches('the rows of a traced call bear its span, and those of other calls none', () => {
  const trace = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
  const batch = batchOn();
  batch.requests([putting()]);
  batch.requests([putting({ version: 2 }), getting, putting({ version: 3 })], trace);
  batch.requests([putting({ version: 4 })]);
  const [, second, third] = batch.rows;
  assert.equal(
    [...batch.traces],
    [second, third].map((row) => [row, trace]),
  );
});

batches('only the present entry is born again, with nothing changed but its birth', () => {
  const batch = batchOn({ entry: live });
  batch.bearAgain(changed(live, { seq: live.seq + 1 }));
  batch.bearAgain(put({ key: 'another' }));
  assert.is(batch.rows.length, 0);
  batch.bearAgain(live);
  const [{ op } = {}] = batch.rows;
  assert.ok(op !== undefined && isOnKey(op) && compareOps(op, live) > 0);
  const { generation, version, value, expiresAt } = live;
  assert.equal(op, changed(op, { generation, version, value, expiresAt, key: live.key }));
  assert.is(op.origin, ORIGIN);
});

batches('an op of every kind that a batch bears is one that a peer may be sent', () => {
  const batch = batchOn({ entry: live });
  batch.requests([putting({ version: 6, ttlMs: 1 }), deleting(6), deleting()]);
  const ops: Op[] = [...batch.rows.map(({ op }) => op), batch.membership('retire', 'a.1', null)];
  assert.equal(
    ops.map((op) => op.seq),
    [1, 2, 3, 4],
  );
  assert.ok(ops.every((op) => Object.keys(op).length === 12));
});

batches.run();
