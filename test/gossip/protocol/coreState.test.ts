/** The acts that all parts of the core share: whom it hears, whom it has forgotten, and how connections end. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Hello, Message } from '../../../src/gossip/protocol/messages.ts';
import { HEARD_BY_ROUND_MS } from '../../../src/gossip/protocol/roundTimes.ts';
import { reportOf } from '../../../src/rules/certificate.ts';
import { Members } from '../../../src/rules/members.ts';
import { helloOf, NOW, ofKind, originOf, pulledFrom, sent, testCore } from '../../support/cores.ts';
import { membership, put } from '../../support/ops.ts';

const [TWO, THREE] = [2, 3].map(originOf) as [string, string];
/** Origins whose last message is remembered, although they are no members and gone. */
const MAX_STRANGERS = 1024;

const state = suite('whom a node hears, and how connections end');

state(
  'the digest is short for peers that know closing, and names members that are not heard',
  () => {
    const node = testCore({ others: [TWO] });
    const digestTo = (protocol: Hello['protocol']) => {
      node.greet(1, helloOf(TWO, { protocol }));
      const digest = node.core.digestFor(1, NOW);
      node.step({ kind: 'closed', connection: 1, reason: 'it broke' });
      return ['isShort' in digest && digest.isShort, 'unheard' in digest];
    };
    assert.equal(digestTo([1, 3]), [true, false]);
    assert.equal(digestTo([1, 2]), [false, false]);
  },
);

state('a member that a certificate names is heard for three rounds and the time of one', () => {
  const node = testCore({ others: [TWO, THREE], settings: { meshLimit: 2 } });
  node.greet(1, helloOf(TWO));
  node.receive(1, { type: 'round', id: 'r', timeMs: 99 });
  node.receive(1, { type: 'certificate', id: 'r', report: reportOf(THREE, new Map(), NOW) });
  const hearsAfter = (ms: number): boolean => {
    node.clock.nowMs += ms;
    node.tick();
    return node.core.hears(THREE);
  };
  assert.ok(hearsAfter(HEARD_BY_ROUND_MS - 1));
  assert.not(hearsAfter(1));
});

state('a node that is no member by its own log speaks for no side', () => {
  const node = testCore();
  node.view.members = new Members();
  for (const kind of ['join', 'retire'] as const)
    node.view.members.fold(membership({ key: TWO, kind }));
  const [told] = sent(node.greet(1, helloOf(TWO)), 'rejoin');
  assert.is(told?.message.smallestMember, null);
});

state('who is told to rejoin is named in the log', () => {
  const node = testCore();
  for (const kind of ['join', 'retire'] as const)
    node.view.members.fold(membership({ key: TWO, kind }));
  const notes = ofKind(node.greet(1, helloOf(TWO)), 'note').map(({ facts }) => facts);
  const told = notes.find(({ event }) => event === 'tells-to-rejoin');
  assert.equal([told?.peer, told?.origin], ['node2', TWO]);
});

state('a snapshot whose connection ends is thrown away', () => {
  const node = testCore({ joined: false, settings: { url: 'http://one' } });
  assert.equal(pulledFrom(node.greet(1, helloOf(TWO))), [1]);
  const rows = [{ op: put({ origin: TWO }), isEntry: true }];
  const part: Message = { type: 'snapshot', part: 0, rows, origins: null, end: null, re: 1 };
  node.receive(1, part);
  const outputs = node.step({ kind: 'closed', connection: 1, reason: 'it broke' });
  assert.equal(
    ofKind(outputs, 'rejoin').map(({ keep }) => keep),
    [false],
  );
});

state('of a peer that is refused the log tells that alone', () => {
  const node = testCore({ others: [TWO] });
  node.greet(1, helloOf(TWO));
  const outputs = node.step({ kind: 'refused', connection: 1, reason: 'it is not JSON' });
  assert.equal(
    ofKind(outputs, 'note').map(({ facts }) => facts.event),
    ['refuses'],
  );
  assert.equal(node.step({ kind: 'refused', connection: 1, reason: 'it is gone' }), []);
});

state('a node that has joined waits for none of the members that it left', () => {
  const members = [{ origin: THREE, nodeId: 'node3', url: null }];
  const node = testCore({ joined: false, past: { kind: 'withOthers', members } });
  assert.is(sent(node.open(1), 'hello')[0]?.message.waits, true);
  node.step({ kind: 'joined' });
  assert.is(sent(node.open(2), 'hello')[0]?.message.waits, undefined);
});

state('of 1,024 strangers the last message is remembered, and of every member', () => {
  const node = testCore({ others: [TWO] });
  node.clock.nowMs += 1;
  const meet = (origin: string): boolean => {
    node.greet(1, helloOf(origin));
    node.step({ kind: 'closed', connection: 1, reason: 'it broke' });
    return node.core.lastHeardAt(origin) > NOW;
  };
  for (let number = 1; number <= MAX_STRANGERS; number++)
    assert.ok(meet(`stranger${number}.aaaaaa`));
  assert.not(meet('stranger.aaaaaa'));
  assert.ok(meet(TWO));
});

state.run();
