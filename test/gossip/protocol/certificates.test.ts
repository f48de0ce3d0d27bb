/** How certificates come to all (rule 9): along which links, as which differences, and what is asked for. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decodeMessage,
  encodeMessage,
  type Message,
} from '../../../src/gossip/protocol/messages.ts';
import { type Report, reportOf } from '../../../src/rules/certificate.ts';
import { hashed, reportChanges } from '../../../src/rules/reportChanges.ts';
import { includes, raise, seqOf, type Vector } from '../../../src/words/vector.ts';
import {
  digestOf,
  emptyAnswer,
  helloOf,
  NOW,
  ofKind,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const ORIGINS = [1, 2, 3, 4, 5].map(originOf);
const [ONE, TWO, THREE, FOUR] = ORIGINS as [string, string, string, string];
const ASK_AFTER_MS = 500;

/** A member of five that may write, with links to some of the others, beyond a mesh limit of three. */
function meshed(own: string, links: readonly string[], seed = 1): TestCore {
  const others = ORIGINS.filter((origin) => origin !== own);
  const instance = `instance ${seed} of ${own}`;
  const settings = { meshLimit: 3, joinTimeoutMs: 1000, instance };
  const node = testCore({ origin: own, others, settings, seed });
  for (const [connection, origin] of links.entries()) linked(node, connection, origin);
  return node;
}

function linked(node: TestCore, connection: number, origin: string): void {
  node.greet(connection, helloOf(origin));
  const pull = node.pullNumber(connection);
  node.receive(connection, emptyAnswer(digestOf(node.view), false, pull));
  node.step({
    kind: 'taken',
    connection,
    outcome: { kind: 'applied', ops: 0 },
    pull,
    more: false,
  });
}

const reportAt = (seq: number, members: readonly string[] = ORIGINS): Report => ({
  ...reportOf(ONE, new Map([[ONE, seq]]), NOW + seq),
  members: new Set(members),
});
const whole = (id: string, seq: number) =>
  ({ type: 'certificate', id, report: reportAt(seq) }) as const;
const told = (id: string, before: number, seq: number) =>
  ({
    type: 'certificate',
    id,
    changes: reportChanges(hashed(reportAt(before)), hashed(reportAt(seq))),
  }) as const;
const hashAt = (seq: number) => hashed(reportAt(seq)).hash;

const ofSends = (node: TestCore, message: Message, connection = 0) =>
  ofKind(node.receive(connection, message), 'send').map(({ connection: link, message: one }) => [
    link,
    one.type,
  ]);

function after(node: TestCore, passedMs: number) {
  node.clock.nowMs += passedMs;
  return sent(node.tick(), 'certify');
}

const certificates = suite('certificates on their way (rule 9)');

certificates(
  'a certificate goes to the links that reported, and is only told of to the others',
  () => {
    const node = meshed(THREE, [ONE, TWO, FOUR]);
    node.receive(0, { type: 'round', id: 'r', timeMs: 5000 });
    node.receive(1, { type: 'echo', id: 'r' });
    node.receive(2, { type: 'echo', id: 'r', report: reportAt(1, [FOUR]) });
    assert.equal(ofSends(node, whole('r', 1)).sort(), [
      [1, 'certified'],
      [2, 'certificate'],
    ]);
  },
);

certificates('a link that has told of a certificate is not told of it', () => {
  const node = meshed(THREE, [ONE, TWO]);
  assert.equal(ofSends(node, { type: 'certified', id: 'r' }, 1), []);
  assert.equal(ofSends(node, whole('r', 1)), []);
});

certificates(
  'what a link has told of is asked for there, once it has not come for half a second',
  () => {
    const node = meshed(THREE, [ONE, TWO]);
    node.receive(0, whole('before', 1));
    node.receive(0, { type: 'certified', id: 'r' });
    node.receive(1, { type: 'certified', id: 'r' });
    assert.equal(after(node, ASK_AFTER_MS - 1), []);
    const asked = { type: 'certify', id: 'r', base: hashAt(1) } as const;
    assert.equal(after(node, 1), [{ connection: 0, message: asked }]);
    // The next one is asked where the first does not answer, and then nobody is left.
    assert.equal(after(node, ASK_AFTER_MS), [{ connection: 1, message: asked }]);
    for (let count = 0; count < 4; count++) assert.equal(after(node, ASK_AFTER_MS), []);
  },
);

certificates('a link that is gone is not asked', () => {
  const node = meshed(THREE, [ONE, TWO]);
  node.receive(0, { type: 'certified', id: 'r' });
  node.step({ kind: 'closed', connection: 0, reason: 'it broke' });
  assert.equal(after(node, ASK_AFTER_MS), []);
});

certificates('what has come is neither waited for nor asked for', () => {
  const node = meshed(THREE, [ONE, TWO]);
  node.receive(0, { type: 'certified', id: 'r' });
  node.receive(1, whole('r', 1));
  node.receive(0, { type: 'certified', id: 'r' });
  assert.equal(after(node, ASK_AFTER_MS), []);
});

certificates('a node that has not joined takes none, whatever part of a log it holds', () => {
  const node = testCore({ origin: THREE, joined: false, settings: { meshLimit: 3 } });
  for (const key of ORIGINS) node.view.members.fold(membership({ key }));
  node.core.stability.certify = () => assert.unreachable('it takes a certificate');
  node.greet(0, helloOf(ONE));
  assert.equal(node.receive(0, whole('r', 1)), []);
  node.receive(0, { type: 'certified', id: 'later' });
  assert.equal(after(node, ASK_AFTER_MS), []);
});

certificates('who asks gets the differences from what it holds, and else the whole', () => {
  const node = meshed(THREE, [ONE, TWO]);
  node.receive(0, whole('a', 1));
  node.receive(0, whole('b', 2));
  const answers = [hashAt(1), hashAt(7), undefined].map((base) =>
    sent(node.receive(1, { type: 'certify', id: 'b', ...(base && { base }) }), 'certificate'),
  );
  assert.equal(
    answers.map(([answer]) => answer?.message),
    [told('b', 1, 2), whole('b', 2), whole('b', 2)],
  );
  assert.equal(node.receive(1, { type: 'certify', id: 'unknown' }), []);
});

certificates('four certificates are held as bases', () => {
  const node = meshed(THREE, [ONE, TWO]);
  for (let seq = 1; seq <= 5; seq++) node.receive(0, whole(`c${seq}`, seq));
  const isHeld = (seq: number): boolean => {
    const asked = { type: 'certify', id: 'c5', base: hashAt(seq) } as const;
    return sent(node.receive(1, asked), 'certificate')[0]?.message.changes !== undefined;
  };
  assert.equal([1, 2, 5].map(isHeld), [false, true, true]);
});

certificates('differences give the certificate where this node holds their base', () => {
  const node = meshed(THREE, [ONE, TWO]);
  const taken: Report[] = [];
  node.core.stability.certify = (report) => void taken.push(report);
  node.receive(0, whole('a', 1));
  assert.equal(ofSends(node, told('b', 1, 2)), [[1, 'certified']]);
  assert.equal(taken.at(-1)?.min, new Map([[ONE, 2]]));
});

certificates(
  'differences from another one, or with another result, count for nothing: the whole is asked for, once',
  () => {
    const lie = told('b', 1, 2);
    for (const [name, wrong] of [
      ['an unknown base', told('b', 7, 2)],
      ['a lie', { ...lie, changes: { ...lie.changes, clock: NOW } }],
    ] as const) {
      const node = meshed(THREE, [ONE, TWO]);
      node.receive(0, whole('a', 1));
      const taken: Report[] = [];
      node.core.stability.certify = (report) => void taken.push(report);
      const asked = sent(node.receive(0, wrong), 'certify');
      assert.equal(asked, [{ connection: 0, message: { type: 'certify', id: 'b' } }], name);
      assert.equal(node.receive(0, wrong), [], name);
      assert.equal(taken, [], name);
      assert.equal(ofSends(node, whole('b', 2)), [[1, 'certified']], name);
      assert.is(taken.length, 1);
    }
  },
);

certificates(
  'a report is told as differences from what the asker holds, where this node holds it too',
  () => {
    const node = meshed(THREE, [ONE]);
    node.receive(0, whole('a', 1));
    const echoTo = (base: ReturnType<typeof hashAt> | undefined, id: string) =>
      sent(node.receive(0, { type: 'round', id, timeMs: 99, ...(base && { base }) }), 'echo')[0]
        ?.message;
    assert.equal(echoTo(hashAt(1), 'r1')?.changes?.base, hashAt(1));
    assert.ok(echoTo(hashAt(7), 'r2')?.report);
    assert.ok(echoTo(undefined, 'r3')?.report);
  },
);

certificates('a link whose differences gave no report is asked for the whole from then on', () => {
  const node = meshed(THREE, [ONE, FOUR]);
  node.receive(0, whole('a', 1));
  const round = (id: string) =>
    sent(node.receive(0, { type: 'round', id, timeMs: 5000 }), 'round')[0]?.message;
  assert.equal(round('r1')?.base, hashAt(1));
  const right = reportChanges(hashed(reportAt(1)), hashed(reportAt(3, [FOUR])));
  const [good] = sent(node.receive(1, { type: 'echo', id: 'r1', changes: right }), 'echo');
  assert.ok(good?.message.report?.members.has(FOUR));
  assert.equal(round('r2')?.base, hashAt(1), 'right ones are trusted on');
  const wrong = { ...right, clock: NOW };
  const [bad] = sent(node.receive(1, { type: 'echo', id: 'r2', changes: wrong }), 'echo');
  assert.equal([...(bad?.message.report?.members ?? [])], [THREE]);
  assert.is(round('r3')?.base, undefined);
});

// ---- many nodes

type Step =
  | { readonly kind: 'write' | 'restart' | 'lose'; readonly node: number }
  | { readonly kind: 'learn'; readonly node: number; readonly from: number }
  | { readonly kind: 'round' };
const anyNode = fc.nat({ max: ORIGINS.length - 1 });
const stepOf = (...kinds: ('write' | 'restart' | 'lose')[]): fc.Arbitrary<Step> =>
  fc.oneof(
    fc.record({ kind: fc.constantFrom(...kinds), node: anyNode }),
    fc.record({ kind: fc.constant<'learn'>('learn'), node: anyNode, from: anyNode }),
    fc.constant<Step>({ kind: 'round' }),
  );
const stepsOf = (step: fc.Arbitrary<Step>) =>
  fc
    .array(step, { maxLength: 16 })
    .map((steps) => steps.flatMap((one): Step[] => [one, { kind: 'round' }]));

/** A circle of five with a chord. */
const NEIGHBOURS: readonly (readonly number[])[] = [
  [1, 4, 2],
  [0, 2],
  [1, 3, 0],
  [2, 4],
  [3, 0],
];
const TICKS_A_ROUND = 24;
const TICK_MS = 500;
const OF_ROUNDS: readonly Message['type'][] = [
  'round',
  'echo',
  'certificate',
  'certified',
  'certify',
];

/** Five nodes that take part in rounds. All texts pass the codecs, and those to nodes that lose them are lost by halves. */
class Circle {
  /** All certificates that each node has taken, in their order. */
  readonly taken: string[][] = ORIGINS.map(() => []);
  readonly #nodes: TestCore[];
  readonly #asWhole: boolean;
  readonly #losing = new Set<number>();
  readonly #made = new Set<string>();
  readonly #queue: { readonly from: number; readonly to: number; readonly text: string }[] = [];
  #isReceiving = false;
  #nowMs = NOW;
  #life = 0;
  #sent = 0;

  /** @param asWhole whether nobody names a certificate as a base, so that all is told whole. */
  constructor(asWhole: boolean) {
    this.#asWhole = asWhole;
    this.#nodes = ORIGINS.map((_, index) => this.#started(index));
  }

  run(steps: readonly Step[]): this {
    for (const step of steps) this.#run(step);
    return this;
  }

  losesNothing(): void {
    this.#losing.clear();
  }

  #run(step: Step): void {
    if (step.kind === 'round') {
      for (let count = 0; count < TICKS_A_ROUND; count++) this.#tick();
      return;
    }
    const { node: index } = step;
    const vector = this.#vectorOf(index);
    const own = ORIGINS[index] ?? '';
    if (step.kind === 'write') vector.set(own, (vector.get(own) ?? 0) + 1);
    else if (step.kind === 'learn')
      for (const [origin, seq] of this.#vectorOf(step.from)) raise(vector, origin, seq);
    else if (step.kind === 'restart') this.#nodes[index] = this.#started(index, vector);
    else if (!this.#losing.delete(index)) this.#losing.add(index);
  }

  #vectorOf(index: number): Map<string, number> {
    return this.#nodes[index]?.view.vector ?? new Map();
  }

  #started(index: number, held: Vector = new Map()): TestCore {
    const own = ORIGINS[index] ?? '';
    const links = (NEIGHBOURS[index] ?? []).map((neighbour) => ORIGINS[neighbour] ?? '');
    const node = meshed(own, links, 1 + index + 7 * this.#life++);
    for (const [origin, seq] of held) node.view.vector.set(origin, seq);
    node.core.stability.certify = (report) => this.#takes(index, report);
    return node;
  }

  #takes(index: number, { min, max, clock, members }: Report): void {
    const all = [...members, ORIGINS[index] ?? ''];
    const list = (entries: Iterable<unknown>) => JSON.stringify([...entries].sort());
    const text = [list(min), list(max), clock, list(new Set(all))].join(' ');
    this.taken[index]?.push(text);
    const content = [list(min), list(max), clock].join(' ');
    if (this.#isReceiving) assert.ok(this.#made.has(content), `nobody made ${content}`);
    else this.#made.add(content);
    for (const member of members)
      assert.ok(includes(this.#vectorOf(ORIGINS.indexOf(member)), min), `${member} holds less`);
    for (const [origin, seq] of max)
      assert.ok(seq <= seqOf(this.#vectorOf(ORIGINS.indexOf(origin)), origin));
  }

  #tick(): void {
    this.#nowMs += TICK_MS;
    for (const [index, node] of this.#nodes.entries()) {
      node.clock.nowMs = this.#nowMs;
      this.#put(index, node.tick());
      this.#settle();
    }
  }

  #put(from: number, outputs: ReturnType<TestCore['tick']>): void {
    for (const { connection, message } of ofKind(outputs, 'send')) {
      const to = NEIGHBOURS[from]?.[connection];
      if (to === undefined || !OF_ROUNDS.includes(message.type)) continue;
      if (this.#losing.has(to) && this.#sent++ % 2 === 0) continue;
      const text = encodeMessage(this.#asWhole ? withoutBase(message) : message);
      this.#queue.push({ from, to, text });
    }
  }

  #settle(): void {
    for (let one = this.#queue.shift(); one !== undefined; one = this.#queue.shift()) {
      const { from, to, text } = one;
      const message = decodeMessage(text);
      const connection = NEIGHBOURS[to]?.indexOf(from) ?? -1;
      this.#isReceiving = message.type === 'certificate';
      const outputs = this.#nodes[to]?.receive(connection, message) ?? [];
      this.#isReceiving = false;
      this.#put(to, outputs);
    }
  }
}

function withoutBase(message: Message): Message {
  if (message.type === 'round') return { type: 'round', id: message.id, timeMs: message.timeMs };
  return message.type === 'certify' ? { type: 'certify', id: message.id } : message;
}

const ROUND: Step = { kind: 'round' };

certificates('five nodes take each certificate of their rounds', () => {
  const { taken } = new Circle(false).run([ROUND, ROUND, ROUND]);
  assert.ok(taken[0] && taken[0].length >= 3, `${taken[0]?.length} certificates`);
  for (const one of taken) assert.equal(one, taken[0]);
});

certificates('differences give the same certificates as whole ones, whoever starts again', () => {
  fc.assert(
    fc.property(stepsOf(stepOf('write', 'restart')), (steps) => {
      assert.equal(new Circle(false).run(steps).taken, new Circle(true).run(steps).taken);
    }),
    { numRuns: 50 },
  );
});

certificates(
  'whatever is lost, each certificate is as it was made, and true of its members',
  () => {
    fc.assert(
      fc.property(stepsOf(stepOf('write', 'restart', 'lose', 'lose')), (steps) => {
        const circle = new Circle(false).run(steps);
        circle.losesNothing();
        circle.run([ROUND, ROUND]);
        for (const one of circle.taken) assert.is(one.at(-1), circle.taken[0]?.at(-1));
      }),
      { numRuns: 50 },
    );
  },
);

certificates.run();
