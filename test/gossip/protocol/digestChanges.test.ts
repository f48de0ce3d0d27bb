/** Digests as differences (rule 11): what is told, what counts, and what two nodes make of it, whatever is lost. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Digest, saySame } from '../../../src/gossip/protocol/digest.ts';
import {
  changedDigest,
  digestChanges,
  vectorHash,
} from '../../../src/gossip/protocol/digestChanges.ts';
import {
  decodeMessage,
  encodeMessage,
  type Message,
} from '../../../src/gossip/protocol/messages.ts';
import { sameHash, ZERO } from '../../../src/words/hash.ts';
import { raise, sameVector, seqOf, type Vector } from '../../../src/words/vector.ts';
import {
  digestOf,
  helloOf,
  NOW,
  ofKind,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { digest as anyDigest } from '../../support/generators.ts';

const PEER = originOf(2);
const THIRD = originOf(3);
const OTHER = { high: 1, low: 1 };
const NOTHING = { kind: 'applied', ops: 0 } as const;

/** All that a digest says, without origins at 0. */
function plain({ vector, sums, isShort, ...rest }: Digest) {
  const held = [...vector].filter(([, seq]) => seq > 0).sort();
  return { ...rest, held: held.map(([origin, seq]) => [origin, seq, sums.get(origin) ?? ZERO]) };
}

const changes = suite('digests as differences (rule 11)');

changes('a digest and the differences from it give the other one', () => {
  fc.assert(
    fc.property(anyDigest, anyDigest, (base, next) => {
      const back = changedDigest(base, digestChanges(base, next));
      assert.equal(back && plain(back), plain(next));
    }),
  );
});

changes('differences applied to another digest give nothing, or the very vector', () => {
  fc.assert(
    fc.property(anyDigest, anyDigest, anyDigest, (base, other, next) => {
      const back = changedDigest(other, digestChanges(base, next));
      assert.ok(back === null || sameVector(back.vector, next.vector));
    }),
  );
});

changes('who alters a seq or a sum among the differences has told nothing', () => {
  fc.assert(
    fc.property(anyDigest, anyDigest, (base, next) => {
      const told = digestChanges(base, next);
      const added = new Map([...told.added, ['node9.zzzzzz', 1]]);
      for (const lie of [
        { ...told, added },
        { ...told, added, sums: [...told.sums, OTHER] },
        { ...told, sums: [...told.sums, OTHER] },
        { ...told, hash: { ...told.hash, low: told.hash.low ^ 1 } },
        { ...told, rest: { ...told.rest, listsRetired: !told.rest.listsRetired } },
      ])
        assert.is(changedDigest(base, lie), null);
    }),
  );
});

changes('what changes from minute to minute is no part of the hash', () => {
  fc.assert(
    fc.property(anyDigest, (digest) => {
      const later = { ...digest, asOf: digest.asOf + 1, mapSum: OTHER, clock: 7, unheard: [THIRD] };
      assert.ok(sameHash(vectorHash(later), vectorHash(digest)));
      const retired = { ...digest, listsRetired: !digest.listsRetired };
      assert.not.ok(sameHash(vectorHash(retired), vectorHash(digest)));
    }),
  );
});

/** A member of three beyond a mesh limit of two, whose peer has sent it a digest. */
function meshed(own = originOf(1), peer = PEER, seq = 1): TestCore {
  const others = [1, 2, 3].map(originOf).filter((origin) => origin !== own);
  const node = testCore({ origin: own, others, settings: { meshLimit: 2 } });
  for (const origin of [own, ...others]) node.view.vector.set(origin, seq);
  linked(node, peer);
  return node;
}

function linked(node: TestCore, peer: string): void {
  node.greet(2, helloOf(peer));
}

function answered(node: TestCore, message: Message): void {
  const pull = node.pullNumber(2);
  for (const { more } of ofKind(node.receive(2, message), 'take'))
    node.step({ kind: 'taken', connection: 2, outcome: NOTHING, pull, more });
}

/** The question of the next pull. */
function nextQuestion(node: TestCore): Message {
  for (;;) {
    node.clock.nowMs += 100;
    const outputs = node.tick();
    const [question] = [
      ...sent(outputs, 'ask'),
      ...sent(outputs, 'digest'),
      ...sent(outputs, 'level'),
    ];
    if (question !== undefined) return question.message;
  }
}

const links = suite('digests over the links of a mesh');

links(
  'a question tells differences from the last digest of the peer, and few bytes where nothing changed',
  () => {
    const node = meshed();
    answered(node, { type: 'same', clock: NOW, re: 1 });
    const question = nextQuestion(node);
    assert.is(question.type, 'ask');
    assert.ok(encodeMessage(question).length < 150, encodeMessage(question));
    // The minute of the map sum is told, and is no reason to tell more.
    answered(node, { type: 'same', clock: NOW, re: 2 });
    node.clock.nowMs += 60_000;
    node.view.mapHash = OTHER;
    const later = nextQuestion(node);
    assert.equal(later.type === 'ask' && [later.changes.steps, later.changes.rest.mapSum], [
      [],
      OTHER,
    ]);
  },
);

links('up to the mesh limit a question is whole', () => {
  const node = testCore({ others: [PEER, THIRD], settings: { meshLimit: 3 } });
  node.greet(2);
  answered(node, { type: 'same', clock: NOW, re: 1 });
  node.view.vector.set(THIRD, 4);
  assert.is(nextQuestion(node).type, 'digest');
  assert.not.ok(node.core.tellsDifferences(2));
  assert.ok(meshed().core.tellsDifferences(2));
});

links(
  'a peer that has sent no digest is asked by the hash alone, and by the whole if it holds another',
  () => {
    const node = meshed();
    const [first] = sent(node.greet(3, { origin: THIRD }), 'ask');
    const { rest, ...told } = digestChanges(digestOf(node.view), digestOf(node.view));
    assert.equal(first?.message, {
      type: 'ask',
      changes: { ...told, rest: first?.message.changes.rest },
      re: 1,
    });
    assert.equal(first?.message.changes.rest.horizon, rest.horizon);
    const same = meshed(THIRD, originOf(1));
    if (first) assert.is(ofKind(same.receive(2, first.message), 'answer').length, 1);
    const other = meshed(THIRD, originOf(1), 5);
    const [unlike] = first ? sent(other.receive(2, first.message), 'unlike') : [];
    assert.ok(unlike);
    assert.is(sent(node.receive(3, unlike.message), 'digest').length, 1);
  },
);

links('a question whose base this node has not sent is answered by unlike', () => {
  const node = meshed();
  const base = digestOf(node.view);
  const unknown = { ...base, vector: new Map([[PEER, 9]]), sums: new Map([[PEER, OTHER]]) };
  const right = digestChanges(base, { ...base, clock: NOW + 5 });
  assert.is(ofKind(node.receive(2, { type: 'ask', changes: right, re: 7 }), 'answer').length, 1);
  for (const wrong of [digestChanges(unknown, base), { ...right, hash: OTHER }]) {
    const outputs = node.receive(2, { type: 'ask', changes: wrong, re: 8 });
    assert.equal(sent(outputs, 'unlike')[0]?.message, { type: 'unlike', re: 8 });
    assert.is(ofKind(outputs, 'answer').length, 0);
  }
});

links('after unlike the next question is whole', () => {
  const node = meshed();
  answered(node, { type: 'same', clock: NOW, re: 1 });
  const question = nextQuestion(node);
  const re = question.type === 'ask' ? question.re : 0;
  assert.is(sent(node.receive(2, { type: 'unlike', re }), 'digest').length, 1);
});

links(
  'a member that starts asks by the whole digest at once after unlike, over a lazy link as well',
  () => {
    const node = meshed();
    answered(node, { type: 'same', clock: NOW, re: 1 });
    const question = nextQuestion(node);
    assert.is(node.core.phase, 'starting');
    node.receive(2, { type: 'prune' });
    const re = question.type === 'ask' ? question.re : 0;
    assert.is(sent(node.receive(2, { type: 'unlike', re }), 'digest').length, 1);
  },
);

links('over a lazy link the whole question after unlike waits for its turn', () => {
  const node = meshed();
  answered(node, { type: 'same', clock: NOW, re: 1 });
  // It begins to serve without the round that it waits for.
  node.pass(15_000);
  assert.is(node.core.phase, 'ready');
  const question = nextQuestion(node);
  node.receive(2, { type: 'prune' });
  const re = question.type === 'ask' ? question.re : 0;
  assert.is(sent(node.receive(2, { type: 'unlike', re }), 'digest').length, 0);
  assert.is(nextQuestion(node).type, 'digest');
});

links('an answer is told from the question, and one whose hash is another is a false claim', () => {
  const node = meshed();
  answered(node, { type: 'same', clock: NOW, re: 1 });
  nextQuestion(node);
  const ours = digestOf(node.view);
  const theirs = {
    ...ours,
    vector: new Map([...ours.vector, [PEER, 4]]),
    sums: new Map([...ours.sums, [PEER, OTHER]]),
  };
  const reply = {
    type: 'reply',
    delta: { ranges: [], ops: [] },
    changes: digestChanges(ours, theirs),
    more: false,
    re: node.pullNumber(2),
  } as const;
  const heard: Vector[] = [];
  node.core.stability.hear = (_, vector) => void heard.push(vector);
  assert.is(ofKind(node.receive(2, { ...reply, re: reply.re + 1 }), 'take').length, 0);
  const lie = { ...reply, changes: { ...reply.changes, hash: OTHER } };
  assert.is(ofKind(meshed().receive(2, lie), 'take').length, 0);
  assert.is(ofKind(node.receive(2, reply), 'take').length, 1);
  assert.is(seqOf(heard[0] ?? new Map(), PEER), 4);
  const liar = meshed();
  answered(liar, { type: 'same', clock: NOW, re: 1 });
  nextQuestion(liar);
  const outputs = liar.receive(2, { ...lie, re: liar.pullNumber(2) });
  assert.is(ofKind(outputs, 'misbehaved')[0]?.fault, 'claim');
});

// ---- two nodes

type Step =
  | { readonly kind: OfOne; readonly node: 0 | 1; readonly count: number }
  | { readonly kind: 'break' | 'swap' | 'pass'; readonly node?: undefined };
type OfOne = 'write' | 'catchUp' | 'lose';
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom<OfOne>('write', 'catchUp', 'lose'),
    node: fc.constantFrom<0 | 1>(0, 1),
    count: fc.integer({ min: 1, max: 3 }),
  }),
  fc
    .constantFrom<'break' | 'swap' | 'pass'>('break', 'swap', 'pass')
    .map((kind): Step => ({ kind })),
);

/** Two nodes that ask each other. Texts may be lost and swapped, and the connection may break. */
class Pair {
  /** The texts by their kinds. */
  readonly kinds = new Map<string, number>();
  readonly #nodes: readonly [TestCore, TestCore];
  readonly #names = [originOf(1), PEER] as const;
  /** By the clock of a digest: what its node held then. */
  readonly #held: readonly [Map<number, Vector>, Map<number, Vector>] = [new Map(), new Map()];
  readonly #lost: [number, number] = [0, 0];
  #queue: { readonly to: 0 | 1; readonly text: string }[] = [];
  #swaps = false;
  #nowMs = NOW;
  heard = 0;

  constructor() {
    this.#nodes = [meshed(), meshed(PEER, originOf(1))];
    for (const index of [0, 1] as const) {
      const { core } = this.#nodes[index];
      core.stability.hear = (member, vector, clock) => {
        this.heard++;
        const from = this.#names[0] === member ? 0 : 1;
        const true_ = this.#held[from].get(clock);
        assert.ok(true_ && sameVector(true_, vector), `${member} is heard wrongly`);
      };
    }
    this.#run({ kind: 'break' });
  }

  run(steps: readonly Step[]): this {
    for (const one of steps) this.#run(one);
    return this;
  }

  #run(one: Step): void {
    switch (one.kind) {
      case 'pass':
        this.#pass();
        break;
      case 'swap':
        this.#swaps = !this.#swaps;
        break;
      case 'break':
        this.#break();
        break;
      case 'lose':
        this.#lost[one.node] += one.count;
        break;
      case 'write': {
        const { vector } = this.#nodes[one.node].view;
        const written = one.node === 0 ? originOf(1) : THIRD;
        vector.set(written, seqOf(vector, written) + one.count);
        break;
      }
      case 'catchUp': {
        const { vector } = this.#nodes[one.node].view;
        const other = this.#nodes[one.node === 0 ? 1 : 0].view.vector;
        for (const [origin, seq] of other) raise(vector, origin, seq);
      }
    }
  }

  #break(): void {
    this.#queue = [];
    for (const index of [0, 1] as const) {
      const node = this.#nodes[index];
      node.step({ kind: 'closed', connection: 2, reason: 'it broke' });
      node.open(2);
      this.#put(index, node.receive(2, helloOf(this.#names[index === 0 ? 1 : 0])));
    }
  }

  #pass(): void {
    for (let count = 0; count < 15; count++) {
      this.#nowMs += 200;
      for (const index of [0, 1] as const) {
        const node = this.#nodes[index];
        node.clock.nowMs = this.#nowMs;
        this.#put(index, node.tick());
      }
      if (this.#swaps) this.#queue.reverse();
      for (let one = this.#queue.shift(); one !== undefined; one = this.#queue.shift()) {
        // Two digests of one node never have the same clock.
        this.#nowMs += 1;
        const node = this.#nodes[one.to];
        node.clock.nowMs = this.#nowMs;
        this.#put(one.to, node.receive(2, decodeMessage(one.text)));
      }
    }
  }

  #put(from: 0 | 1, outputs: ReturnType<TestCore['tick']>): void {
    const node = this.#nodes[from];
    this.#held[from].set(node.clock.nowMs, new Map(node.view.vector));
    for (const { message } of ofKind(outputs, 'send')) this.#send(from, message);
    for (const { digest: _, sent: question, re } of ofKind(outputs, 'answer')) {
      const ours = node.core.digestFor(2, node.clock.nowMs);
      if (question === undefined || re === undefined) continue;
      if (saySame(ours, question)) this.#send(from, { type: 'same', clock: ours.clock, re });
      else
        this.#send(from, {
          type: 'reply',
          delta: { ranges: [], ops: [] },
          changes: digestChanges(question, ours),
          more: false,
          re,
        });
    }
    for (const { pull, more } of ofKind(outputs, 'take'))
      this.#put(from, node.step({ kind: 'taken', connection: 2, outcome: NOTHING, pull, more }));
  }

  #send(from: 0 | 1, message: Message): void {
    if (this.#lost[from] > 0) {
      this.#lost[from]--;
      return;
    }
    const { type } = message;
    assert.is.not(type, 'error');
    if (!['ask', 'reply', 'digest', 'same', 'level', 'unlike', 'later'].includes(type)) return;
    this.kinds.set(type, (this.kinds.get(type) ?? 0) + 1);
    this.#queue.push({ to: from === 0 ? 1 : 0, text: encodeMessage(message) });
  }
}

const pairs = suite('two nodes that tell each other differences');
const PASS: Step = { kind: 'pass' };

pairs('whatever is lost, swapped or broken, each hears of the other exactly what it held', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      new Pair().run(steps.flatMap((one) => [one, PASS]));
    }),
    { numRuns: 200 },
  );
});

pairs('each asks for the whole once, and by differences from then on', () => {
  const steps = Array.from({ length: 10 }, (): Step[] => [
    { kind: 'write', node: 0, count: 1 },
    PASS,
    { kind: 'catchUp', node: 1, count: 1 },
    PASS,
  ]).flat();
  const { kinds, heard } = new Pair().run(steps);
  assert.ok((kinds.get('digest') ?? 0) <= 2, JSON.stringify([...kinds]));
  assert.ok((kinds.get('ask') ?? 0) > 15 && heard > 15);
  assert.is(kinds.get('unlike'), undefined);
});

changes.run();
links.run();
pairs.run();
