/** Replies of a worker that are taken at the end of a turn or in the middle of it. */
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newReplyWay, Replies, replyWayIn, sendReply } from '../../../src/log/sqlite/replyWay.ts';
import { WorkerChannel } from '../../../src/log/sqlite/workerChannel.ts';
import { waitFor } from '../../support/processes.ts';

const way = suite('reply way');

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

way(
  'whatever the order of sends, looks and turns, each reply is taken once, in order',
  async () => {
    const step = fc.constantFrom('send', 'send', 'take', 'turn');
    await fc.assert(
      fc.asyncProperty(fc.array(step), async (steps) => {
        const { ofAsker, ofWorker } = newReplyWay();
        const taken: number[] = [];
        const replies = new Replies<number>(ofAsker, (reply) => taken.push(reply));
        let sent = 0;
        for (const one of steps) {
          if (one === 'send') sendReply(ofWorker, sent++, []);
          else if (one === 'turn') await endOfTurn();
          else {
            const before = taken.length;
            assert.is(replies.takeSent(), before < sent);
            assert.is(taken.length, sent);
          }
        }
        ofAsker.port.ref();
        await waitFor(() => taken.length === sent, 20_000, 'A reply is missing');
        await endOfTurn();
        assert.equal(taken, [...Array(sent).keys()]);
        ofAsker.port.close();
      }),
    );
  },
);

way('a reply that is on its way and not counted is left for the end of the turn', async () => {
  const { ofAsker, ofWorker } = newReplyWay();
  const taken: string[] = [];
  const replies = new Replies<string>(ofAsker, (reply) => taken.push(reply));
  ofWorker.port.postMessage('early');
  assert.not(replies.takeSent());
  ofAsker.port.ref();
  await waitFor(() => taken.length === 1, 20_000, 'The reply is missing');
  // Its count comes late, and there is nothing to take for it.
  Atomics.add(ofWorker.sent, 0, 1);
  assert.not(replies.takeSent());
  sendReply(ofWorker, 'next', []);
  assert.ok(replies.takeSent());
  assert.equal(taken, ['early', 'next']);
  // A count without a reply holds nobody.
  Atomics.add(ofWorker.sent, 0, 1);
  assert.not(replies.takeSent());
  ofAsker.port.close();
});

way('data of a worker without a way are told from those with one', () => {
  for (const data of [null, undefined, 1, {}, { port: 1, sent: new Int32Array(1) }])
    assert.is(replyWayIn(data), null);
  const { ofWorker } = newReplyWay();
  assert.equal(replyWayIn({ port: ofWorker.port, sent: 1 }), null);
  assert.is(replyWayIn(ofWorker)?.port, ofWorker.port);
  ofWorker.port.close();
});

const ANSWERS_AND_ENDS = `
  const { parentPort, workerData } = require('node:worker_threads');
  parentPort.once('message', () => {
    workerData.port.postMessage('done');
    Atomics.add(workerData.sent, 0, 1);
    process.exit(0);
  });`;

way('what a worker answered before it ended counts, and later requests fail', async () => {
  const { ofAsker, ofWorker } = newReplyWay();
  const worker = new Worker(ANSWERS_AND_ENDS, {
    eval: true,
    workerData: ofWorker,
    transferList: [ofWorker.port],
  });
  const channel = new WorkerChannel<string, string>(worker, ofAsker);
  const [first, second] = [channel.request('one'), channel.request('two')];
  const failure = second.then(
    () => null,
    (error: Error) => error.message,
  );
  assert.is(await first, 'done');
  assert.match((await failure) ?? '', 'ended with code 0');
  await channel.exited();
});

const ECHOES = `
  const { parentPort, workerData } = require('node:worker_threads');
  parentPort.on('message', (request) => {
    workerData.port.postMessage(request);
    Atomics.add(workerData.sent, 0, 1);
    if (request === 'end') parentPort.close();
  });`;

way('of a thread that answers meanwhile, each of many answers belongs to its request', async () => {
  const { ofAsker, ofWorker } = newReplyWay();
  const worker = new Worker(ECHOES, {
    eval: true,
    workerData: ofWorker,
    transferList: [ofWorker.port],
  });
  const channel = new WorkerChannel<string, string>(worker, ofAsker);
  // Some are longer than any buffer on their way.
  const texts = Array.from({ length: 20_000 }, (_, index) =>
    index % 1000 === 0 ? `${index}${'x'.repeat(2_000_000)}` : `${index}`,
  );
  let inTurn = 0;
  const answers = texts.map((text) => {
    const answered = channel.request(text);
    if (channel.takeSent()) inTurn++;
    return answered;
  });
  const limitMs = performance.now() + 60_000;
  while (inTurn === 0 && performance.now() < limitMs) if (channel.takeSent()) inTurn++;
  const all = await Promise.all(answers);
  assert.ok(all.every((answer, index) => answer === texts[index]));
  assert.ok(inTurn > 0);
  await channel.request('end');
  await channel.exited();
});

way.run();
