/** The relay between two nodes, with real sockets at both ends. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SOUND } from '../../chaos/network/links.ts';
import { Relay } from '../../chaos/network/relay.ts';
import { waitFor } from '../support/processes.ts';

const relays = suite('chaos relay');
const CUT = { ...SOUND, isCut: true };
const TIMEOUT_MS = 30_000;
/** Long enough for bytes to arrive that nothing holds. */
const HELD_MS = 200;

/** One end of a connection, and all that has arrived there. */
class End {
  text = '';
  isEnded = false;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      this.text += text;
    });
    socket.on('end', () => {
      this.isEnded = true;
    });
    socket.on('error', () => {});
  }
}

interface Scene extends AsyncDisposable {
  readonly relay: Relay;
  readonly accepted: End[];
  dial(): End;
}

async function setScene(): Promise<Scene> {
  const accepted: End[] = [];
  const server = createServer((socket) => accepted.push(new End(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay = new Relay();
  relay.targetPort = (server.address() as AddressInfo).port;
  const port = Number(new URL(await relay.listen()).port);
  const dialled: End[] = [];
  return {
    relay,
    accepted,
    dial: () => {
      const end = new End(connect(port, '127.0.0.1'));
      dialled.push(end);
      return end;
    },
    [Symbol.asyncDispose]: async () => {
      for (const { socket } of [...dialled, ...accepted]) socket.destroy();
      relay.close();
      server.close();
    },
  };
}

async function connected(scene: Scene): Promise<readonly [dialler: End, dialled: End]> {
  const dialler = scene.dial();
  await waitFor(() => scene.accepted.length > 0, TIMEOUT_MS, 'the connection is accepted');
  return [dialler, scene.accepted[0]!];
}

relays('a sound relay carries both directions, in order and to the end', async () => {
  await using scene = await setScene();
  const [dialler, dialled] = await connected(scene);
  const long = 'x'.repeat(3_000_000);
  dialler.socket.write(long);
  dialled.socket.write('back');
  dialler.socket.end('end');
  await waitFor(() => dialled.isEnded, TIMEOUT_MS, 'the end arrives');
  assert.is(dialled.text.length, long.length + 3);
  assert.ok(dialled.text.endsWith('xend'));
  await waitFor(() => dialler.text === 'back', TIMEOUT_MS, 'the other direction goes on');
});

relays('a cut of one direction holds its bytes, and the other goes on', async () => {
  await using scene = await setScene();
  const [dialler, dialled] = await connected(scene);
  scene.relay.set(CUT, SOUND);
  dialler.socket.write('held');
  dialled.socket.write('free');
  await waitFor(() => dialler.text === 'free', TIMEOUT_MS, 'the free direction arrives');
  await wait(HELD_MS);
  assert.is(dialled.text, '');
  scene.relay.set(SOUND, SOUND);
  await waitFor(() => dialled.text === 'held', TIMEOUT_MS, 'what was held arrives after the cut');
});

relays('a connection that is dialled in a cut is made after it', async () => {
  await using scene = await setScene();
  scene.relay.set(SOUND, CUT);
  const dialler = scene.dial();
  dialler.socket.write('first');
  await wait(HELD_MS);
  assert.is(scene.accepted.length, 0);
  scene.relay.set(SOUND, SOUND);
  await waitFor(() => scene.accepted[0]?.text === 'first', TIMEOUT_MS, 'the bytes arrive');
});

relays('an end that comes in a cut is told after it', async () => {
  await using scene = await setScene();
  const [dialler, dialled] = await connected(scene);
  scene.relay.set(CUT, CUT);
  dialled.socket.destroy();
  await wait(HELD_MS);
  assert.not.ok(dialler.isEnded || dialler.socket.destroyed);
  scene.relay.set(SOUND, SOUND);
  await waitFor(() => dialler.socket.destroyed, TIMEOUT_MS, 'the end is told');
});

relays('a slow link delays each byte by as much as it says, and keeps the order', async () => {
  await using scene = await setScene();
  const [dialler, dialled] = await connected(scene);
  scene.relay.set({ ...SOUND, delayMs: 300, jitterMs: 100 }, SOUND);
  const startedAt = performance.now();
  for (const text of ['a', 'b', 'c']) {
    dialler.socket.write(text);
    await wait(20);
  }
  await waitFor(() => dialled.text === 'abc', TIMEOUT_MS, 'all arrive');
  assert.ok(performance.now() - startedAt >= 300);
});

relays('a lossy link loses nothing of a connection, and makes it wait', async () => {
  await using scene = await setScene();
  const [dialler, dialled] = await connected(scene);
  scene.relay.set({ ...SOUND, lossPercent: 100 }, SOUND);
  const startedAt = performance.now();
  dialler.socket.write('late');
  await waitFor(() => dialled.text === 'late', TIMEOUT_MS, 'it arrives');
  assert.ok(performance.now() - startedAt >= 200);
});

relays.run();
