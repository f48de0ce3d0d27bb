/** A pull between nodes whose digests say the same costs the hash of a digest, and no pull is worse off for it. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Digest, levelHash, saySame } from '../../../src/gossip/protocol/digest.ts';
import type { LevelMessage, Message } from '../../../src/gossip/protocol/messages.ts';
import { formatHash, type Hash, hashText, ZERO } from '../../../src/words/hash.ts';
import {
  digestOf,
  digestWith,
  ofKind,
  originOf,
  pulledFrom,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';

const PEER = originOf(2);
const NOTHING = { kind: 'applied', ops: 0 } as const;
const OTHER: Hash = { high: 1, low: 1 };
const FIELDS = [
  'vector',
  'sums',
  'asOf',
  'horizon',
  'mapSum',
  'retiredSum',
  'listsRetired',
  'closed',
  'clock',
] as const;

/** A member whose peer has answered its first question by `same`. */
function levelNode(): TestCore {
  const node = testCore({ others: [PEER] });
  assert.equal(pulledFrom(node.greet(2)), [2]);
  answerSame(node);
  return node;
}

function answerSame(node: TestCore): void {
  const re = node.pullNumber(2);
  const [take] = ofKind(node.receive(2, { type: 'same', clock: node.clock.nowMs, re }), 'take');
  assert.ok(take);
  node.step({ kind: 'taken', connection: 2, outcome: NOTHING, pull: re, more: false });
}

/** The question of the next pull. */
function nextQuestion(node: TestCore): Message {
  for (;;) {
    node.clock.nowMs += 100;
    const outputs = node.tick();
    const [question] = [...sent(outputs, 'level'), ...sent(outputs, 'digest')];
    if (question !== undefined) return question.message;
  }
}

const hashed = (digest: Digest): Hash => {
  const hash = levelHash(digest);
  assert.ok(hash);
  return hash;
};

const level = suite('level peers');

level('after `same` a pull asks by the hash of the same digest', () => {
  const node = levelNode();
  const question = nextQuestion(node);
  const { nowMs } = node.clock;
  const hash = hashed(digestOf(node.view, { clock: nowMs }));
  assert.equal(question, { type: 'level', hash, clock: nowMs, re: 2 });
  answerSame(node);
  assert.is(nextQuestion(node).type, 'level');
});

level('a digest that has changed since is sent whole', () => {
  const node = levelNode();
  node.view.mapHash = OTHER;
  assert.is(nextQuestion(node).type, 'digest');
});

level('a peer that is asked by the hash of its own digest answers as it answers the digest', () => {
  const node = levelNode();
  const digest = digestOf(node.view);
  const asked = { type: 'level', hash: hashed(digest), clock: digest.clock - 5, re: 9 } as const;
  const [answer] = ofKind(node.receive(2, asked), 'answer');
  const question = { ...digest, clock: digest.clock - 5 };
  assert.equal([answer?.re, answer?.digest.clock], [9, question.clock]);
  assert.ok(answer?.sent && saySame(answer.sent, question));
});

level('a peer whose digest says something else is told so, and nothing is counted for it', () => {
  const node = levelNode();
  const asked: LevelMessage = { type: 'level', hash: OTHER, clock: node.clock.nowMs, re: 9 };
  const outputs = node.receive(2, asked);
  assert.equal(sent(outputs, 'unlike')[0]?.message, { type: 'unlike', re: 9 });
  assert.is(ofKind(outputs, 'answer').length, 0);
});

level(
  'whoever is told so asks by the whole digest at once, until the answer is `same` again',
  () => {
    const node = levelNode();
    assert.is(nextQuestion(node).type, 'level');
    const re = node.pullNumber(2);
    assert.equal(
      node.receive(2, { type: 'unlike', re: re + 1 }),
      [],
      'it answers another question',
    );
    const [again] = sent(node.receive(2, { type: 'unlike', re }), 'digest');
    assert.is(again?.message.re, re + 1);
    assert.equal(node.receive(2, { type: 'unlike', re }), [], 'it comes twice');
    node.receive(2, { type: 'later', re: re + 1 });
    assert.is(nextQuestion(node).type, 'digest');
    answerSame(node);
    assert.is(nextQuestion(node).type, 'level');
  },
);

level('a digest that lists members which are not heard has no hash', () => {
  const { view } = testCore({ others: [PEER] });
  assert.is(levelHash(digestOf(view, { unheard: [PEER] })), null);
});

level('the hash is that of the text that PROTOCOL.md gives', () => {
  const { view } = testCore({ others: [PEER] });
  const digest = digestWith(view, { [PEER]: 2, [originOf(1)]: 1 });
  const [none, one, two] = [0, 1, 2].map((low) => formatHash({ high: 0, low }));
  const rest = `${digest.asOf},0,"${none}",false,null,null`;
  const origins = `["${originOf(1)}",1,"${one}"],["${PEER}",2,"${two}"]`;
  assert.equal(levelHash(digest), hashText(`[[${rest}],[${origins}]]`));
});

level('two digests have one hash if and only if they say the same', () => {
  const { view } = testCore({ others: [PEER] });
  const seq = fc.integer({ min: 1, max: 2 });
  const hash = fc.constantFrom(ZERO, OTHER);
  const digest = fc
    .record({
      vector: fc.tuple(seq, seq, fc.boolean()),
      asOf: fc.constantFrom(1, 2),
      horizon: fc.constantFrom(0, 1),
      mapSum: hash,
      retiredSum: fc.option(hash, { nil: null }),
      listsRetired: fc.boolean(),
      clock: fc.nat(),
      closed: fc.option(fc.record({ count: seq, sum: hash }), { nil: undefined }),
    })
    .map(({ vector: [first, second, isTurned], closed, ...fields }) => {
      const ends = [
        [originOf(1), first],
        [PEER, second],
      ] as const;
      const seqs = Object.fromEntries(isTurned ? [...ends].reverse() : ends);
      return { ...digestWith(view, seqs), ...fields, ...(closed !== undefined && { closed }) };
    });
  const field = fc.constantFrom(...FIELDS);
  fc.assert(
    fc.property(digest, digest, fc.option(field, { nil: null }), (one, another, changed) => {
      // Nearly all differences are to be of one field.
      const other = changed === null ? another : { ...one, [changed]: another[changed] };
      const [left, right] = [hashed(one), hashed(other)];
      assert.is(left.high === right.high && left.low === right.low, saySame(one, other));
    }),
    { numRuns: 500 },
  );
});

level.run();
