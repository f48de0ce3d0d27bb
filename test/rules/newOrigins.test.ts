/** The origins that a node takes ops of: a peer can make up any number, and digests must list them all. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundsOf } from '../../src/gossip/border/bounds.ts';
import { faultOfShape } from '../../src/gossip/border/scan.ts';
import { viewOf } from '../../src/gossip/driver/view.ts';
import { makeDigest } from '../../src/gossip/protocol/digest.ts';
import { decodeMessage, encodeMessage } from '../../src/gossip/protocol/messages.ts';
import { Members } from '../../src/rules/members.ts';
import { crowdedOut, type HeldOrigins, leavingOut } from '../../src/rules/newOrigins.ts';
import type { Delta } from '../../src/words/delta.ts';
import { ZERO } from '../../src/words/hash.ts';
import { defaultLimits } from '../../src/words/limits.ts';
import type { Op } from '../../src/words/op.ts';
import { MAX_ORIGINS } from '../../src/words/vector.ts';
import { membership, put, sumOf } from '../support/ops.ts';
import { openReplica, putting } from '../support/replicas.ts';

const origins = suite('origins of which a first op comes');

const MOST_UNJOINED = 1000;
const MOST_LISTED = 9000;
const BORN = 'node9.zzzzzz';

const named = (number: number): string => `made${number}.aaaaaa`;
const numbers = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, index) => from + index);

const deltaOf = (ops: readonly Op[]): Delta => ({
  ranges: [...Map.groupBy(ops, ({ origin }) => origin)].map(([origin, own]) => ({
    origin,
    after: 0,
    to: own.length,
    sum: sumOf(own),
  })),
  ops,
});

const onePut = (origin: string): Op => put({ origin, key: `of ${origin}` });

interface Held {
  readonly unjoined?: number;
  readonly joined?: number;
  readonly retired?: number;
}

/** A node that holds so many origins of each kind. */
function holding({
  unjoined = 0,
  joined = 0,
  retired = 0,
}: Held): HeldOrigins & { readonly members: Members } {
  const members = new Members();
  const all = [
    ...numbers(unjoined).map((number) => `unjoined${number}.aaaaaa`),
    ...numbers(joined).map((number) => `joined${number}.aaaaaa`),
    ...numbers(retired).map((number) => `retired${number}.aaaaaa`),
  ];
  for (const origin of all) {
    if (!origin.startsWith('unjoined')) members.fold(membership({ key: origin }));
    if (origin.startsWith('retired')) members.fold(membership({ key: origin, kind: 'retire' }));
  }
  return { vector: new Map(all.map((origin) => [origin, 1])), added: [], members };
}

const outOf = (delta: Delta, held: HeldOrigins): string[] => [...crowdedOut(delta, held)];

origins('of origins that no join names a thousand are taken, and not one more', () => {
  const delta = deltaOf([onePut(named(1)), onePut(named(2))]);
  assert.equal(outOf(delta, holding({ unjoined: MOST_UNJOINED - 2 })), []);
  assert.equal(outOf(delta, holding({ unjoined: MOST_UNJOINED - 1 })), [named(2)]);
  const held = holding({ unjoined: MOST_UNJOINED - 2 });
  assert.equal(outOf(delta, { ...held, added: ['new.aaaaaa'] }), [named(2)]);
});

origins('ops of known origins, of members, and of those whose join comes along are taken', () => {
  const held = holding({ unjoined: 2 * MOST_UNJOINED, joined: 3, retired: 3 });
  const without = new Map(
    [...held.vector].filter(([origin]) => !/^(joined|retired)1\./.test(origin)),
  );
  const join = membership({ origin: BORN, seq: 1, key: named(1) });
  const known = ['unjoined7.aaaaaa', 'joined1.aaaaaa', 'retired1.aaaaaa', named(1)].map(onePut);
  const delta = deltaOf([...known, onePut(named(2)), join]);
  assert.equal(outOf(delta, { ...held, vector: without }), [named(2), BORN]);
});

origins('members, and those whose join comes along, are none of the thousand', () => {
  const made = numbers(MOST_UNJOINED).map(named);
  const joins = made.map((key, index) =>
    membership({ origin: 'joined0.aaaaaa', seq: index + 2, key }),
  );
  const delta = deltaOf([...made.map(onePut), onePut('last.aaaaaa'), ...joins]);
  assert.equal(outOf(delta, holding({ joined: MOST_UNJOINED })), []);
});

origins('an origin of which no op is told takes no place', () => {
  const delta = deltaOf([onePut(named(1))]);
  const none = { origin: 'none.aaaaaa', after: 0, to: 0, sum: ZERO };
  const held = holding({ unjoined: MOST_UNJOINED - 1 });
  assert.equal(outOf({ ...delta, ranges: [none, ...delta.ranges] }, held), []);
});

origins('of all that are not retired nine thousand are taken, joined or not', () => {
  const held = holding({ joined: MOST_LISTED - 1, retired: 2000 });
  for (const number of [1, 2]) held.members.fold(membership({ key: named(number) }));
  const delta = deltaOf([onePut(named(1)), onePut(named(2))]);
  assert.equal(outOf(delta, held), [named(2)]);
});

origins('a delta without them has neither their ranges nor their ops', () => {
  const delta = deltaOf([onePut(named(1)), onePut(named(2))]);
  const left = leavingOut(delta, new Set([named(1)]));
  assert.equal(left, deltaOf([onePut(named(2))]));
  assert.is(leavingOut(delta, new Set()), delta);
});

origins('a peer that makes up origins makes no digest longer than peers read', async () => {
  const { replica } = await openReplica();
  await replica.submit([putting('own')]);
  for (let sent = 0; sent < 1.2 * MAX_ORIGINS; sent += 2000) {
    const outcome = await replica.receive(deltaOf(numbers(2000, sent).map(named).map(onePut)));
    assert.equal(outcome, { kind: 'crowded', ops: sent === 0 ? MOST_UNJOINED - 1 : 0 });
  }
  const joins = numbers(5).map((number) =>
    membership({ origin: replica.origin, seq: 2 + number, key: `node${number}.bbbbbb` }),
  );
  const range = { origin: replica.origin, after: 1, to: 6 };
  const sum = sumOf([
    ...(await replica.log.opsAfter(replica.origin, 0, { maxRows: 1, maxBytes: 1 })),
    ...joins,
  ]);
  await replica.receive({ ranges: [{ ...range, sum }], ops: joins });
  const others = deltaOf(numbers(5).map((number) => onePut(`node${number}.bbbbbb`)));
  assert.equal(await replica.receive(others), { kind: 'applied', ops: 5 });
  const digest = makeDigest(viewOf(replica), replica.nowMs(), 0, 'all');
  const text = encodeMessage({ type: 'digest', digest, re: 1 });
  assert.is(faultOfShape(text, boundsOf(defaultLimits).digest), null);
  assert.is(decodeMessage(text).type, 'digest');
});

origins.run();
