/** The bounds of what peers make this node send: answers that nobody reads, and walks of the map. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { maxMessageBytes } from '../../../src/gossip/border/bounds.ts';
import { Outbox } from '../../../src/gossip/driver/outbox.ts';
import { MAX_QUESTIONS, Turns } from '../../../src/gossip/driver/turns.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { turn } from '../../support/replicas.ts';

const outbox = suite('answers to a peer');

outbox(
  'beyond the bound nothing is sent to a peer that reads nothing, and then it is again',
  () => {
    const most = defaultLimits.maxPeerBufferBytes + maxMessageBytes(defaultLimits);
    const sent: string[] = [];
    let bufferedBytes = most;
    const box = new Outbox({
      transport: {
        send: (_connection, text) => sent.push(text),
        bufferedBytes: () => bufferedBytes,
      },
      limits: defaultLimits,
      isStopped: () => false,
    });
    box.send(1, 'at the bound');
    bufferedBytes++;
    box.send(1, 'beyond');
    assert.equal([sent, box.shed], [['at the bound'], 1]);
    bufferedBytes = 0;
    box.send(1, 'again');
    assert.equal(sent, ['at the bound', 'again']);
  },
);

outbox('nothing is sent once the node stops', () => {
  const sent: string[] = [];
  const box = new Outbox({
    transport: { send: (_connection, text) => sent.push(text), bufferedBytes: () => 0 },
    limits: defaultLimits,
    isStopped: () => true,
  });
  box.send(1, 'late');
  assert.equal([sent, box.shed], [[], 0]);
});

outbox.run();

const turns = suite('walks for peers');

turns('one question of a peer is answered at a time, in order, and so many wait', async () => {
  const line = new Turns(async () => {});
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  for (let number = 0; number < MAX_QUESTIONS + 3; number++)
    void line.take(1, () => {
      begun.push(number);
      return new Promise((resolve) => ends.push(resolve));
    });
  await turn();
  assert.equal(begun, [0]);
  assert.is(line.shed, 3);
  for (let number = 0; number < MAX_QUESTIONS; number++) {
    ends[number]?.();
    await turn();
  }
  assert.equal(
    begun,
    Array.from({ length: MAX_QUESTIONS }, (_, number) => number),
  );
});

turns('peers do not wait for one another, and a failure only fails its own question', async () => {
  const line = new Turns(async () => {});
  const begun: string[] = [];
  const failed = line.take(1, async () => {
    throw new Error('x');
  });
  void line.take(1, async () => void begun.push('next of one'));
  void line.take(2, async () => void begun.push('other'));
  await failed.then(
    () => assert.unreachable('it failed'),
    () => {},
  );
  await turn();
  assert.equal(begun.sort(), ['next of one', 'other']);
});

turns('what else waits for the thread has its turn before each answer', async () => {
  let pauses = 0;
  const line = new Turns(async () => void pauses++);
  const seen: number[] = [];
  for (let number = 0; number < 3; number++) void line.take(1, async () => void seen.push(pauses));
  await turn();
  assert.equal(seen, [1, 2, 3]);
});

turns('nothing is answered any more to a peer that is gone', async () => {
  const line = new Turns(async () => {});
  let answered = 0;
  const end = Promise.withResolvers<void>();
  void line.take(1, () => end.promise);
  void line.take(1, async () => void answered++);
  line.drop(1);
  end.resolve();
  await turn();
  assert.is(answered, 0);
});

turns.run();
