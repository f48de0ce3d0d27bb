/** Generations, horizons and stamps stay in their range, whatever a peer says (rules 1 and 2). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeOp, encodeOp, MalformedMessageError } from '../../../src/gossip/protocol/opCodec.ts';
import { followedHlc, isFarAhead } from '../../../src/words/hlc.ts';
import { generationFor, horizonAbove, MAX_COUNTER, MAX_GENERATION } from '../../../src/words/op.ts';
import { believedHorizon } from '../../../src/words/vector.ts';
import { digestOf, digestWith, NOW, ofKind, originOf, testCore } from '../../support/cores.ts';
import { put, tombstone } from '../../support/ops.ts';

const PEER = originOf(2);
const STRANGER = originOf(9);
const DAY_MS = 24 * 60 * 60_000;

const horizons = suite('horizons');

horizons('a horizon is believed up to one more than the ops that can have raised it', () => {
  assert.is(believedHorizon(3, new Map([[PEER, 5]])), 3);
  assert.is(believedHorizon(2 ** 52, new Map([[PEER, 5]])), 6);
  assert.is(believedHorizon(7, new Map()), 1);
});

horizons("a member's horizon is bounded by its vector or ours, whichever has more", () => {
  const { greet, receive, view } = testCore({ others: [PEER] });
  greet(2);
  view.vector.set(PEER, 20);
  const digest = { ...digestWith(view, { [PEER]: 2 }), horizon: 2 ** 52 };
  const [raised] = ofKind(receive(2, { type: 'digest', digest }), 'horizon');
  assert.is(raised?.horizon, 22);
});

horizons("a stranger's horizon is not taken over", () => {
  const { greet, receive, view } = testCore();
  greet(9, { origin: STRANGER });
  const digest = digestOf(view, { horizon: 1 });
  assert.equal(ofKind(receive(9, { type: 'digest', digest }), 'horizon'), []);
});

horizons('what an answer brings lets its horizon be believed', () => {
  const { greet, receive, step, view } = testCore({ others: [PEER] });
  greet(2);
  const digest = { ...digestWith(view, { [originOf(1)]: 1 }), horizon: 9 };
  const delta = { ranges: [], ops: [] };
  receive(2, { type: 'delta', delta, answer: { digest, more: false }, re: 1 });
  view.vector.set(PEER, 30);
  const outcome = { kind: 'applied', ops: 30 } as const;
  const outputs = step({ kind: 'taken', connection: 2, outcome, pull: 1, more: false });
  assert.equal(
    ofKind(outputs, 'horizon').map(({ horizon }) => horizon),
    [9],
  );
});

horizons.run();

const generations = suite('generations');
const isMalformed = (error: unknown): boolean => error instanceof MalformedMessageError;

generations('a horizon above the greatest generation can still be told, and is the last', () => {
  assert.is(horizonAbove(0, MAX_GENERATION), MAX_GENERATION + 1);
  assert.is(horizonAbove(MAX_COUNTER, MAX_GENERATION), MAX_COUNTER);
  assert.is(horizonAbove(0, MAX_COUNTER), MAX_COUNTER);
});

generations('no op is born with a generation that peers refuse', () => {
  const dead = tombstone({ generation: MAX_GENERATION });
  assert.is(generationFor(dead, 0, NOW), MAX_GENERATION);
  assert.is(generationFor(undefined, MAX_COUNTER, NOW), MAX_GENERATION);
  const wire = (generation: number): unknown => JSON.parse(encodeOp(put({ generation })));
  assert.is(decodeOp(wire(MAX_GENERATION)).generation, MAX_GENERATION);
  assert.throws(() => decodeOp(wire(MAX_GENERATION + 1)), isMalformed);
});

generations.run();

const stamps = suite('stamps of a wrong clock');

stamps('a stamp up to a day ahead is followed, and one beyond is not', () => {
  const last = NOW * 1000;
  const day = (NOW + DAY_MS) * 1000;
  assert.is(followedHlc(last, day, NOW), day);
  assert.is(followedHlc(last, day + 1, NOW), last);
  assert.is(followedHlc(day + 5, day + 1, NOW), day + 5);
  assert.equal([isFarAhead(day, NOW), isFarAhead(day + 1, NOW)], [false, true]);
});

stamps('ops with such stamps are kept, and told once', () => {
  const { greet, receive, view } = testCore({ others: [PEER] });
  greet(2);
  const op = put({ origin: PEER, hlc: 2 ** 52 });
  const delta = { ranges: [{ origin: PEER, after: 0, to: 1, sum: view.mapHash }], ops: [op] };
  const push = { type: 'delta', delta, answer: null } as const;
  const first = receive(2, push);
  assert.is(ofKind(first, 'take').length, 1);
  assert.match(ofKind(first, 'note')[0]?.text ?? '', /more than a day ahead/);
  const second = receive(2, push);
  assert.is(ofKind(second, 'take').length, 1);
  assert.equal(ofKind(second, 'note'), []);
});

stamps.run();
