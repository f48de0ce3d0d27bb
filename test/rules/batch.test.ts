/** A batch asks the map for no more than it needs, and notes what the log keeps beside its ops. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Closings } from '../../src/rules/closings.ts';
import { type Basis, Batch, emptyRecord } from '../../src/rules/decide.ts';
import { Members } from '../../src/rules/members.ts';
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
