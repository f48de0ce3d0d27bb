import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type OpenedLog, recordsOfTail, whyNotBelieved } from '../../src/rules/checkpoint.ts';
import {
  type CheckpointFacts,
  ForeignCheckpointError,
  factsFrames,
  readFacts,
} from '../../src/rules/checkpointFacts.ts';
import { NO_EXPIRIES } from '../../src/words/expiryMark.ts';
import { type Hash, ZERO } from '../../src/words/hash.ts';
import { newHeader, type OriginRecord } from '../../src/words/row.ts';
import { membership } from '../support/ops.ts';

const OWN = 'n1.own';
const OTHER = 'n2.other';
const SUM: Hash = { high: 1, low: 2 };
const OTHER_SUM: Hash = { high: 3, low: 4 };

const FACTS: CheckpointFacts = {
  origin: OWN,
  clusterName: 'test',
  lsn: 10,
  hlc: 0,
  horizon: 0,
  stable: new Map([[OWN, 4]]),
  stableClock: 500,
  retiredAtMs: null,
  mapSum: { asOf: 0, sum: ZERO },
  records: [{ origin: OWN, seq: 5, sum: SUM }],
  memberships: [],
  expired: [],
  expiriesKnownSince: NO_EXPIRIES,
};

const recordOf = (seq: number, sum = SUM, origin = OWN): OriginRecord => ({
  origin,
  seq,
  sum,
  reach: 0,
  compactedSum: ZERO,
});

const header = newHeader('test', OWN);
const LOG: OpenedLog = {
  header: { ...header, stable: new Map([[OWN, 4]]), stableClock: 500 },
  origins: [recordOf(5)],
  lastLsn: 10,
};

const checkpoints = suite('when a checkpoint is believed (rule 6)');

checkpoints('one of this very log is believed, also where the log has gone on', () => {
  assert.is(whyNotBelieved(FACTS, LOG), null);
  assert.is(
    whyNotBelieved(FACTS, { ...LOG, origins: [recordOf(6, OTHER_SUM)], lastLsn: 11 }),
    null,
  );
});

checkpoints('one of another log, or of a later moment, is not', () => {
  assert.match(whyNotBelieved({ ...FACTS, origin: OTHER }, LOG) ?? '', /another log/);
  assert.match(whyNotBelieved({ ...FACTS, clusterName: 'else' }, LOG) ?? '', /another log/);
  assert.match(whyNotBelieved(FACTS, { ...LOG, lastLsn: 9 }) ?? '', /an older log was put here/);
});

checkpoints('one that holds ops which the log lacks, or others, is not', () => {
  for (const origins of [[], [recordOf(4)], [recordOf(5, SUM, OTHER)]])
    assert.match(
      whyNotBelieved(FACTS, { ...LOG, origins }) ?? '',
      /n1\.own\/5, which the log lacks/,
    );
  assert.match(
    whyNotBelieved(FACTS, { ...LOG, origins: [recordOf(5, OTHER_SUM)] }) ?? '',
    /other ops of n1\.own/,
  );
});

checkpoints('one that had collected more than the log says is not', () => {
  const withStable = (seq: number, stableClock: number): OpenedLog => ({
    ...LOG,
    header: { ...header, stable: new Map([[OWN, seq]]), stableClock },
  });
  assert.match(whyNotBelieved(FACTS, withStable(3, 500)) ?? '', /collected more/);
  assert.match(whyNotBelieved(FACTS, withStable(4, 499)) ?? '', /collected more/);
  assert.is(whyNotBelieved(FACTS, withStable(5, 501)), null);
  const { header: held, ...rest } = withStable(0, 499);
  const reached = [{ vector: new Map([[OWN, 4]]), clock: 500 }];
  const facts = { ...held.facts, reached };
  assert.is(whyNotBelieved(FACTS, { ...rest, header: { ...held, facts } }), null);
});

checkpoints('its ops count as compacted for the rows after it', () => {
  assert.equal(
    recordsOfTail(FACTS, { ...LOG, origins: [recordOf(7, OTHER_SUM), recordOf(2, SUM, OTHER)] }),
    [
      { origin: OWN, seq: 7, sum: OTHER_SUM, reach: 5, compactedSum: SUM },
      { origin: OTHER, seq: 2, sum: SUM, reach: 0, compactedSum: ZERO },
    ],
  );
});

function read(frames: Iterable<Uint8Array>): CheckpointFacts {
  const reading = readFacts();
  reading.next();
  for (const frame of frames) {
    const { done, value } = reading.next(frame);
    if (done) return value;
  }
  throw new Error('It asks for more frames.');
}

const FULL: CheckpointFacts = {
  ...FACTS,
  retiredAtMs: 5,
  memberships: [membership({ kind: 'join' }), membership({ kind: 'retire', seq: 2 })],
  expired: [{ key: 'k', version: 1, expiresAt: 9, origin: OWN, seq: 3 }],
  expiriesKnownSince: { untilMs: 9, upTo: { origin: OWN, seq: 3 } },
};

checkpoints('a list is written in frames of 512 items, none of which is empty', () => {
  for (const [count, frames] of [
    [512, 2],
    [513, 3],
  ] as const) {
    const records = Array.from({ length: count }, (_unused, at) => recordOf(at + 1));
    const facts = { ...FACTS, stable: new Map(), records };
    assert.is([...factsFrames(facts)].length, frames);
    assert.is(read(factsFrames(facts)).records.length, count);
  }
});

const isForeign = (error: unknown): boolean => error instanceof ForeignCheckpointError;
const encoded = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const decoded = (frame: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(frame));

/** The value with each of its parts replaced in turn. */
function* withEachReplaced(value: unknown, by: unknown): Generator<unknown> {
  yield by;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value))
    for (const other of withEachReplaced(part, by))
      yield Array.isArray(value)
        ? value.map((item, index) => (String(index) === name ? other : item))
        : { ...value, [name]: other };
}

checkpoints('facts are read as they were written, and never those of another form', () => {
  for (const facts of [FACTS, FULL]) assert.equal(read(factsFrames(facts)), facts);
  const [head, ...lists] = [...factsFrames(FACTS)].map(decoded);
  assert.throws(
    () => read([encoded({ ...(head as object), format: 2 }), ...lists.map(encoded)]),
    (error: unknown) =>
      error instanceof ForeignCheckpointError && /form 2, of another version/.test(error.message),
  );
});

function isReadAs(facts: CheckpointFacts, frames: readonly Uint8Array[]): boolean {
  try {
    assert.equal(read(frames), facts);
    return true;
  } catch {
    return false;
  }
}

checkpoints('facts with any part of another type are refused', () => {
  const frames = [...factsFrames(FULL)];
  let refused = 0;
  for (const [at, frame] of frames.entries())
    for (const by of [true, -1.5, {}])
      for (const other of withEachReplaced(decoded(frame), by)) {
        const broken = frames.map((one, index) => (index === at ? encoded(other) : one));
        // Fields that a membership never has are not read.
        if (isReadAs(FULL, broken)) continue;
        assert.throws(() => read(broken), isForeign, JSON.stringify(other));
        refused += 1;
      }
  assert.ok(refused >= 150, String(refused));
});

checkpoints('facts that are null, empty, no JSON, or of other kinds of ops are refused', () => {
  const [head = new Uint8Array(), ...lists] = [...factsFrames(FULL)];
  const noText = new TextEncoder().encode('{');
  for (const frame of [encoded(null), encoded([]), noText]) {
    assert.throws(() => read([frame, ...lists]), isForeign);
    assert.throws(() => read([head, frame, ...lists]), isForeign);
  }
  for (const kind of ['put', 'delete', 'leave', null])
    assert.throws(
      () => read(factsFrames({ ...FULL, memberships: [{ ...membership(), kind } as never] })),
      isForeign,
    );
  const fields = decoded(head) as Record<string, unknown>;
  for (const name of ['mapSum', 'expiriesKnownSince', 'origin'])
    assert.throws(() => read([encoded({ ...fields, [name]: null }), ...lists]), isForeign);
});

checkpoints.run();
