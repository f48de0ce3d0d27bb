/** A batch asks the map for no more than it needs, and notes what the log keeps beside its ops. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Basis, emptyRecord } from '../../src/rules/basis.ts';
import { Closings } from '../../src/rules/closings.ts';
import { Batch } from '../../src/rules/decide.ts';
import { Members } from '../../src/rules/members.ts';
import { ZERO } from '../../src/words/hash.ts';
import { MAX_HLC_AHEAD_MS } from '../../src/words/hlc.ts';
import type { ColdPut, Entry, Op, Put } from '../../src/words/op.ts';
import type { TouchRequest } from '../../src/words/requests.ts';
import { changed, put, sumOf } from '../support/ops.ts';
import { putting } from '../support/replicas.ts';

const NOW = 1_795_000_000_000;
const ORIGIN = 'node1.aaaaaa';
const OTHER = 'node2.bbbbbb';

function basisOf(entries: readonly Entry[] = [], fields: Partial<Basis> = {}): Basis {
  const entry = (key: string): Entry | undefined => entries.find((one) => one.key === key);
  return {
    head: entry,
    entry,
    foresee: () => {},
    record: emptyRecord,
    origin: ORIGIN,
    lastLsn: 0,
    hlc: 0,
    horizon: 0,
    vector: new Map(),
    isFullOfKeys: () => false,
    offered: null,
    members: new Members(),
    closings: new Closings(),
    snapshot: null,
    ...fields,
  };
}
const batchOn = (...basis: Parameters<typeof basisOf>): Batch => new Batch(basisOf(...basis), NOW);

const touching = (known?: Put): TouchRequest => ({
  kind: 'touch',
  key: 'key',
  ttlMs: null,
  ...(known && { known }),
});
/** The put, whose value is in the log alone. */
function coldOf({ value: _value, meta: _meta, ...head }: Put): ColdPut {
  return { ...head, lsn: 1, textBytes: 4 };
}
/** A peer gives ops of one origin, the first ones that there are. */
function given(batch: Batch, ops: readonly Op[]): void {
  const [origin = '', to = 0] = [ops[0]?.origin, ops.at(-1)?.seq];
  const outcome = batch.delta({ ranges: [{ origin, after: 0, to, sum: sumOf(ops) }], ops });
  assert.is(outcome.kind, 'applied');
}

const batches = suite('a batch and its basis');

batches('the keys of several requests are foreseen together, and that of one is not', () => {
  const foreseen: (readonly string[])[] = [];
  const foresee = (keys: readonly string[]): void => {
    foreseen.push(keys);
  };
  batchOn([], { foresee }).requests([putting('a')]);
  assert.equal(foreseen, []);
  batchOn([], { foresee }).requests([putting('a'), { kind: 'get', key: 'b' }]);
  assert.equal(foreseen, [['a', 'b']]);
});

batches('with a bound on gets, the keys of several requests are foreseen together as well', () => {
  const foreseen: (readonly string[])[] = [];
  const foresee = (keys: readonly string[]): void => {
    foreseen.push(keys);
  };
  batchOn([], { foresee }).firstRequests([putting('a')], 1);
  assert.equal(foreseen, []);
  batchOn([], { foresee }).firstRequests([putting('a'), { kind: 'get', key: 'b' }], 1);
  assert.equal(foreseen, [['a', 'b']]);
});

batches('a get that comes once the bound is reached is left undecided, and no other', () => {
  const entry = put({ origin: OTHER, key: 'a', value: '"whole"', meta: null });
  const bytes = 'a'.length + '"whole"'.length;
  const gets = [{ kind: 'get', key: 'a' } as const, { kind: 'get', key: 'a' } as const];
  const decided = (maxBytes: number): number =>
    batchOn([entry]).firstRequests(gets, maxBytes).length;
  assert.is(decided(bytes), 1);
  assert.is(decided(bytes + 1), 2);
});

batches('the state that a batch leaves has its winners, its sums and its stamps', () => {
  const entry = put({ origin: OTHER, key: 'a' });
  const basis = basisOf([entry], { lastLsn: 7 });
  const batch = new Batch(basis, NOW);
  batch.requests([putting('a', { version: 9 }), putting('b')]);
  const after = batch.basisAfter(basis);
  assert.is(after?.head('a')?.version, 9);
  assert.is(after?.entry('b')?.version, 1);
  assert.is(after?.head('c'), undefined);
  assert.is(after?.record(ORIGIN).seq, 2);
  assert.is(after?.record(OTHER).seq, 0);
  assert.is(after?.lastLsn, 9);
  assert.is(after?.hlc, batch.hlc);
});

batches('what changes members, facts or rows leaves a state that is not foreseen', () => {
  const changes: readonly ((batch: Batch) => void)[] = [
    (batch) => batch.removeRows(ORIGIN, [{ lsn: 1, seq: 1, hash: ZERO }]),
    (batch) => batch.membership('join', OTHER, '{}'),
    (batch) => batch.membership('retire', OTHER, null),
    (batch) => batch.changeFacts({ cutAtMs: 1 }),
  ];
  for (const change of changes) {
    const basis = basisOf();
    const batch = new Batch(basis, NOW);
    change(batch);
    assert.is(batch.basisAfter(basis), null);
  }
});

batches('a touch needs the value of its very entry, and nothing else needs any', () => {
  const entry = put({ origin: OTHER, value: '"whole"' });
  const [warm, cold] = [batchOn([entry]), batchOn([coldOf(entry)])];
  assert.ok(warm.hasValuesFor([touching()]));
  assert.not.ok(cold.hasValuesFor([touching()]));
  assert.not.ok(cold.hasValuesFor([touching(changed(entry, { seq: 2 }))]), 'it is of another op');
  assert.ok(cold.hasValuesFor([touching(entry)]));
  assert.ok(cold.hasValuesFor([{ kind: 'get', key: 'key' }, putting('key')]));
  assert.not.ok(cold.hasValuesFor([touching(entry), touching()]), 'each of them needs it');
  const [outcome] = cold.requests([touching(entry)]);
  assert.ok(outcome?.kind === 'stored' && outcome.op.value === '"whole"');
});

batches('ops of its own origin that a peer gives back are written down, and no others', () => {
  const own = [1, 2].map((seq) => put({ origin: ORIGIN, seq, key: `${seq}` }));
  const back = batchOn();
  given(back, own);
  assert.equal(back.header.facts?.offered, { origin: ORIGIN, from: 1, to: 2 });
  const others = batchOn();
  given(
    others,
    own.map((op) => changed(op, { origin: OTHER })),
  );
  assert.is(others.header.facts?.offered, undefined);
});

batches('its stamps follow any op of its own origin, and of others those by a right clock', () => {
  const ahead = (NOW + MAX_HLC_AHEAD_MS + 1) * 1000;
  for (const [origin, hlc, followed] of [
    [ORIGIN, ahead, ahead],
    [OTHER, ahead, 7],
    [OTHER, ahead - 1000, ahead - 1000],
    [OTHER, 6, 7],
    [ORIGIN, 6, 7],
  ] as const) {
    const batch = batchOn([], { hlc: 7 });
    given(batch, [put({ origin, hlc })]);
    assert.is(batch.hlc, followed, `${origin} ${hlc}`);
  }
});

batches('only joins and retirements change who is a member', () => {
  const batch = batchOn();
  batch.requests([putting(OTHER)]);
  assert.equal([batch.isMember(OTHER), batch.isRetired(OTHER)], [false, false]);
  batch.membership('join', OTHER, null);
  assert.equal([batch.isMember(OTHER), batch.isRetired(OTHER)], [true, false]);
  batch.membership('retire', OTHER, null);
  assert.equal([batch.isMember(OTHER), batch.isRetired(OTHER)], [false, true]);
});

batches('an op that comes twice in a snapshot wins once', () => {
  const batch = batchOn();
  for (let times = 0; times < 2; times++) batch.snapshotRow(put({ origin: OTHER }), true);
  assert.equal(
    batch.rows.map(({ won }) => won),
    [true, false],
  );
});

batches.run();
