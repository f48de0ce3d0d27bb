/** A seat that is asked for, over the real private listener of an instance, where the answer comes late. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { type SeatAskerOptions, seatAsker } from '../../api/seatAsker.ts';
import { type RegionFetch, regionFetch } from '../../http/regionFetch.ts';
import type { Candidate } from '../../rules/instanceChoice.ts';
import { playerId, TestWorld } from '../support/testWorld.ts';

const asking = suite('seat asker');

const LIMIT_MS = 100;
const BUSY_LIMIT_MS = 3000;

const requestOf = (number: number) => ({
  player: playerId(number),
  session: `s${number}`,
  fence: 1024,
  previous: null,
});

const candidateOf = ({ name, controlUrl }: Pick<TestWorld, 'name' | 'controlUrl'>): Candidate => ({
  region: 'eu',
  world: 'meadow',
  instance: name,
  controlUrl,
  state: 'active',
  max: 10,
  taken: 0,
});

/** Requests to a world of one seat; answers to the requests for seats are held back until `letGo`. */
async function heldBack(options: SeatAskerOptions = {}) {
  const world = await TestWorld.start({ maxPlayers: 1 });
  const gate = Promise.withResolvers<void>();
  let abandoned = 0;
  const ask: RegionFetch = async (region, url, request) => {
    const answer = await regionFetch('eu', null)(region, url, request);
    if (url.endsWith('/seats'))
      await Promise.race([
        gate.promise,
        new Promise((_resolve, reject) => {
          request.signal.addEventListener('abort', () => {
            abandoned += 1;
            reject(new Error('abandoned'));
          });
        }),
      ]);
    return answer;
  };
  const signer = await world.signer('api');
  return {
    world,
    letGo: gate.resolve,
    abandoned: () => abandoned,
    late: seatAsker(signer, ask, { limitMs: LIMIT_MS, ...options }),
    prompt: seatAsker(signer, regionFetch('eu', null)),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

asking('a seat whose answer comes too late is given back', async () => {
  let withdrawn = 0;
  await using held = await heldBack({
    onWithdrawn: () => {
      withdrawn += 1;
    },
  });
  const { world, late, prompt } = held;
  const at = candidateOf(world);
  assert.equal(await late(at, requestOf(1)), { type: 'refused', reason: 'unreachable' });
  assert.is(world.instance.counts.reserved, 1, 'the world has given the seat');
  assert.equal(await prompt(at, requestOf(2)), { type: 'refused', reason: 'full' });
  held.letGo();
  await waitFor(() => withdrawn === 1, 10_000, 'it is given back');
  assert.is(world.instance.counts.taken, 0);
  assert.is((await prompt(at, requestOf(2))).type, 'seat');
});

asking('a seat that the player has asked for again meanwhile stays', async () => {
  let withdrawn = 0;
  await using held = await heldBack({
    onWithdrawn: () => {
      withdrawn += 1;
    },
  });
  const { world, late, prompt } = held;
  const at = candidateOf(world);
  await late(at, requestOf(1));
  const again = await prompt(at, requestOf(1));
  assert.is(again.type, 'seat');
  held.letGo();
  await waitFor(() => withdrawn === 1, 10_000, 'the first is given back');
  assert.is(world.instance.counts.reserved, 1);
});

asking('beyond so many late answers none is waited for', async () => {
  await using held = await heldBack({ mostLate: 0 });
  const { world, late } = held;
  await late(candidateOf(world), requestOf(1));
  assert.is(held.abandoned(), 1);
  assert.is(world.instance.counts.reserved, 1, 'it ends by itself');
});

/** Answers by a seat as soon as the first cell of the memory is 2, and writes 1 there once it was asked, 3 once it has answered. */
const ANSWERING = `
import { createServer } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
const cells = new Int32Array(workerData);
const grant = { instance: 'i', playUrl: 'u', seatToken: 't', expiresAt: 'e' };
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    Atomics.store(cells, 0, 1);
    Atomics.wait(cells, 0, 1);
    response.writeHead(201, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(grant), () => {
      Atomics.store(cells, 0, 3);
      Atomics.notify(cells, 0);
    });
  });
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

asking('an answer that comes while the process is busy beyond the limit is in time', async () => {
  await using world = await TestWorld.start();
  const cells = new Int32Array(new SharedArrayBuffer(4));
  const source = new URL(`data:text/javascript,${encodeURIComponent(ANSWERING)}`);
  const worker = new Worker(source, { workerData: cells.buffer });
  await using ends = new AsyncDisposableStack();
  ends.defer(async () => void (await worker.terminate()));
  const port = await new Promise((resolve) => worker.once('message', resolve));
  const at = candidateOf({ name: 'i', controlUrl: `http://127.0.0.1:${port}` });
  const asker = seatAsker(await world.signer('api'), regionFetch('eu', null), {
    limitMs: BUSY_LIMIT_MS,
  });
  const answering = asker(at, requestOf(1));
  await waitFor(() => Atomics.load(cells, 0) === 1, BUSY_LIMIT_MS, 'it is asked');
  // Of a turn of the event loop timers come first, then the network, then this.
  await nextTurn();
  Atomics.store(cells, 0, 2);
  Atomics.notify(cells, 0);
  Atomics.wait(cells, 0, 2);
  Atomics.wait(cells, 0, 3, BUSY_LIMIT_MS);
  assert.is((await answering).type, 'seat');
});

asking.run();
