/** Answers to peers that compare maps: how many walks through the map they can cost. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compares } from '../../../src/gossip/driver/compares.ts';
import { MAX_QUESTIONS } from '../../../src/gossip/driver/turns.ts';
import {
  type ComparedMessage,
  type CompareMessage,
  decodeMessage,
} from '../../../src/gossip/protocol/messages.ts';
import { bucketOf } from '../../../src/gossip/protocol/repair.ts';
import { originOf } from '../../support/cores.ts';
import { openReplica, putting, turn } from '../../support/replicas.ts';

const compares = suite('answers to peers that compare maps (rule 11)');

const PEER = originOf(2);
const KEYS = ['a', 'b', 'c', 'd'];

interface Asked {
  readonly compares: Compares;
  readonly clock: { nowMs: number };
  /** The number of entries that were looked at. */
  readonly looked: () => number;
  /** The buckets that answers came for, in order. */
  readonly answered: (number | null)[];
  readonly ask: (bucket: number | null, from?: string, connection?: number) => Promise<void>;
}

async function asked(): Promise<Asked> {
  const { replica } = await openReplica();
  replica.readiness.allowWrites();
  await replica.submit(KEYS.map((key) => putting(key)));
  const clock = { nowMs: 0 };
  const answered: (number | null)[] = [];
  let looked = 0;
  const { heads } = replica.map;
  replica.map.heads = function* () {
    for (const entry of heads.call(replica.map)) {
      looked++;
      yield entry;
    }
  };
  const one = new Compares({
    replica,
    send: (_connection, text) => {
      const message = decodeMessage(text);
      answered.push(message.type === 'compared' ? message.bucket : -1);
    },
    pause: turn,
    steadyMs: () => clock.nowMs,
  });
  const ask = (bucket: number | null, from = PEER, connection = 1): Promise<void> => {
    const question: CompareMessage = { type: 'compare', asOf: 1, buckets: 8, bucket };
    return one.take(connection, from, question);
  };
  return { compares: one, clock, looked: () => looked / KEYS.length, answered, ask };
}

compares('a repair needs two walks, and each answers all questions that wait', async () => {
  const { looked, answered, ask } = await asked();
  await ask(null);
  await Promise.all([1, 2, 3, 4].map((bucket) => ask(bucket)));
  assert.equal(answered, [null, 1, 2, 3, 4]);
  assert.is(looked(), 2);
});

compares('after two at once there is one walk a second for a peer, however it asks', async () => {
  const { compares: one, clock, looked, ask } = await asked();
  for (const second of [2, 3, 4]) {
    for (let count = 0; count < 50; count++) {
      void ask(null, PEER, count);
      one.tick();
      await turn();
      await turn();
    }
    assert.is(looked(), second);
    clock.nowMs += 999;
    one.tick();
    await turn();
    await turn();
    assert.is(looked(), second);
    clock.nowMs++;
  }
  one.tick();
  await turn();
  await turn();
  assert.is(looked(), 5);
  await ask(null, originOf(3), 99);
  assert.is(looked(), 6);
});

compares('a peer has so many questions that wait, and the others get no answer', async () => {
  const { compares: one, clock, answered, ask } = await asked();
  await Promise.all([ask(null), ask(1)]);
  await ask(2);
  const waiting = Array.from({ length: MAX_QUESTIONS + 5 }, (_, bucket) => ask(bucket % 8));
  assert.is(one.shed, 5);
  clock.nowMs += 1000;
  one.tick();
  await Promise.all(waiting);
  assert.is(answered.length, 3 + MAX_QUESTIONS);
});

compares('of several questions for all sums the last one is answered', async () => {
  const { answered, ask } = await asked();
  await Promise.all([ask(null), ask(1), ask(null), ask(null)]);
  assert.equal(answered, [1, null]);
});

compares('more buckets than anybody needs for the map are not looked through', async () => {
  const { compares: one, looked, answered } = await asked();
  const question = { type: 'compare', asOf: 1, bucket: null } as const;
  await one.take(1, PEER, { ...question, buckets: 1025 });
  assert.is(looked(), 0);
  await one.take(1, PEER, { ...question, buckets: 1024 });
  assert.equal(answered, [null]);
});

compares('a peer that is gone gets no answer, and its questions are over', async () => {
  const { compares: one, clock, answered, ask } = await asked();
  await Promise.all([ask(null), ask(1)]);
  await ask(2);
  const waiting = ask(3);
  one.drop(1);
  await waiting;
  clock.nowMs += 5000;
  one.tick();
  await turn();
  await turn();
  assert.equal(answered, [null, 1, 2]);
});

compares('too few buckets for the map are not looked through', async () => {
  const { compares: one, looked } = await asked();
  const { replica } = await openReplica();
  const keys = Array.from({ length: 5000 }, (_, index) => `key ${index}`);
  await replica.submit(keys.map((key) => putting(key)));
  let walks = 0;
  const { heads } = replica.map;
  replica.map.heads = () => {
    walks++;
    return heads.call(replica.map);
  };
  const big = new Compares({ replica, send: () => {}, pause: turn, steadyMs: () => 0 });
  await big.take(1, PEER, { type: 'compare', asOf: 1, buckets: 3, bucket: 0 });
  assert.is(walks, 0);
  await big.take(1, PEER, { type: 'compare', asOf: 1, buckets: 4, bucket: 0 });
  assert.is(walks, 1);
  assert.equal([one.shed, looked()], [0, 0]);
});

/** Compares of a map of some keys, whose answers are kept. */
async function answering(pause: () => Promise<void> = turn) {
  const { replica } = await openReplica();
  replica.readiness.allowWrites();
  await replica.submit(KEYS.map((key) => putting(key)));
  const answers: ComparedMessage[] = [];
  const one = new Compares({
    replica,
    send: (_connection, text) => {
      const message = decodeMessage(text);
      assert.ok(message.type === 'compared');
      answers.push(message);
    },
    pause,
    steadyMs: () => 0,
  });
  return { one, answers };
}

compares(
  'a question for a bucket gets its entries, and one for all gets the sums alone',
  async () => {
    const { one, answers } = await answering();
    const question = { type: 'compare', asOf: 1, buckets: 8 } as const;
    const bucket = bucketOf('a', 8);
    const inIt = KEYS.filter((key) => bucketOf(key, 8) === bucket);
    await Promise.all([
      one.take(1, PEER, { ...question, bucket: null, re: 4 }),
      one.take(1, PEER, { ...question, bucket, re: 5 }),
    ]);
    const [ofAll, ofOne] = answers;
    assert.equal([ofAll?.sums.length, ofAll?.entries, ofAll?.re], [8, [], 4]);
    assert.equal([ofOne?.sums, ofOne?.re], [[], 5]);
    assert.equal(ofOne?.entries.map(({ key }) => key).sort(), inIt);
  },
);

compares(
  'questions of other buckets or as of another minute are answered by a walk of their own',
  async () => {
    const question = { type: 'compare', asOf: 1, buckets: 8, bucket: null } as const;
    for (const other of [{ asOf: 2 }, { buckets: 16 }]) {
      const { one, answers } = await answering();
      await Promise.all([
        one.take(1, PEER, question),
        one.take(1, PEER, { ...question, ...other }),
      ]);
      assert.equal(
        answers.map(({ asOf, buckets }) => ({ asOf, buckets })),
        [
          { asOf: 1, buckets: 8 },
          { asOf: 1, buckets: 8, ...other },
        ],
      );
    }
  },
);

compares('nothing is sent to a peer that goes while its question is answered', async () => {
  const question = { type: 'compare', asOf: 1, buckets: 8 } as const;
  let pauses = 0;
  const { one, answers } = await answering(async () => {
    // One before the walk, and one after each answer.
    if (++pauses === 2) one.drop(1);
  });
  await Promise.all([1, 2].map((bucket) => one.take(1, PEER, { ...question, bucket })));
  assert.equal(
    answers.map(({ bucket }) => bucket),
    [1],
  );
});

compares.run();
