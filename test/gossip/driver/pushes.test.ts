/** Pushes beyond a full mesh, with the real replica: what is new goes on along eager links, and lazy ones are told. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Pushes } from '../../../src/gossip/driver/pushes.ts';
import { decodeMessage } from '../../../src/gossip/protocol/messages.ts';
import type { Targets } from '../../../src/gossip/protocol/spread.ts';
import type { Transport } from '../../../src/gossip/transport.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { NO_TRACER } from '../../../src/words/trace.ts';
import { deltaOf, openReplica, PEER, putting } from '../../support/replicas.ts';

interface Sent {
  readonly connection: number;
  readonly text: string;
}

const haveOf = (seq: number) => ({
  type: 'have',
  seqs: { base: null, steps: [], added: new Map([[PEER, seq]]) },
});

/** A member whose peers 1 and 2 are links. */
async function member({
  isMesh = true,
  targets = { eager: [1], lazy: [2] } as Targets,
  isHeld = (_seq: number): boolean => false,
} = {}) {
  const { replica, clock } = await openReplica();
  await replica.membership.form('the cluster', memberValue('node1', null));
  replica.readiness.allowWrites();
  const sent: Sent[] = [];
  const transport: Transport = {
    listen: () => {},
    dial: () => {},
    send: (connection, text) => sent.push({ connection, text }),
    bufferedBytes: () => 0,
    close: () => {},
    stop: async () => {},
  };
  const pushes = new Pushes({
    replica,
    transport,
    tracer: NO_TRACER,
    targets: () => [1, 2],
    isMesh: () => isMesh,
    spreadTargets: () => targets,
    haveFor: (_connection, added) => ({ type: 'have', seqs: { base: null, steps: [], added } }),
    isHeld: (_connection, _origin, seq) => isHeld(seq),
    steadyMs: () => clock.nowMs,
    losePush: undefined,
  });
  replica.onCommit((committed) => pushes.push(committed));
  const told = () =>
    sent.splice(0).map(({ connection, text }) => ({ connection, message: decodeMessage(text) }));
  return { replica, clock, pushes, told };
}

const pushes = suite('pushes');

pushes(
  'in a full mesh a node pushes its own ops to all, and those of others to nobody',
  async () => {
    const { replica, told } = await member({ isMesh: false });
    await replica.submit([putting('a')]);
    assert.equal(
      told().map(({ connection }) => connection),
      [1, 2],
    );
    await replica.receive(deltaOf(0, 3));
    assert.equal(told(), []);
  },
);

pushes('beyond it what others wrote goes on to eager links, whole and with its sum', async () => {
  const { replica, told } = await member();
  const delta = deltaOf(0, 3);
  await replica.receive(delta);
  const [push, ...more] = told();
  assert.equal(more, []);
  assert.is(push?.connection, 1);
  assert.equal(push?.message, { type: 'push', delta });
});

pushes('a lazy link is not told what it has shown since', async () => {
  const { replica, clock, pushes: pushing, told } = await member({ isHeld: (seq) => seq <= 3 });
  await replica.receive(deltaOf(0, 3));
  told();
  pushing.tick();
  assert.equal(told(), []);
  clock.nowMs += 300;
  await replica.receive(deltaOf(3, 4));
  told();
  pushing.tick();
  assert.equal(
    told().map(({ message }) => message),
    [haveOf(4)],
  );
});

pushes('lazy links are told once in a while, and only the latest', async () => {
  const { replica, clock, pushes: pushing, told } = await member();
  await replica.receive(deltaOf(0, 3));
  await replica.receive(deltaOf(3, 5));
  told();
  pushing.tick();
  assert.equal(told(), [{ connection: 2, message: haveOf(5) }]);
  await replica.receive(deltaOf(5, 6));
  told();
  clock.nowMs += 100;
  pushing.tick();
  assert.equal(told(), []);
  clock.nowMs += 200;
  pushing.tick();
  assert.equal(
    told().map(({ message }) => message.type),
    ['have'],
  );
  clock.nowMs += 1000;
  pushing.tick();
  assert.equal(told(), []);
});

pushes('a link that is gone is told nothing more', async () => {
  const { replica, pushes: pushing, told } = await member();
  await replica.receive(deltaOf(0, 1));
  told();
  pushing.drop(2);
  pushing.tick();
  assert.equal(told(), []);
});

pushes.run();
