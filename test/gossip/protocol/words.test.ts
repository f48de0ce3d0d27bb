/** The word of a peer counts only as far as that peer may know: what it claims beyond costs it its connection. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressBook, MAX_DIALS_A_SECOND } from '../../../src/gossip/protocol/addressBook.ts';
import type { Hello, Message } from '../../../src/gossip/protocol/messages.ts';
import { decodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { MalformedMessageError } from '../../../src/gossip/protocol/opCodec.ts';
import { memberValue } from '../../../src/rules/members.ts';
import {
  digestWith,
  errorIn,
  helloOf,
  ofKind,
  originOf,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const words = suite('the word of a peer');

words('no member confirms ops that were never born: it is malformed, and counts for nobody', () => {
  const { core, greet, receive } = testCore({ others: [originOf(2)] });
  greet(1);
  assert.is(errorIn(receive(1, { type: 'confirmed', seq: 2 ** 53 - 1 }))?.code, 'malformed');
  assert.is(core.acks(1), 0);
});

words('a member confirms the ops that are there, and no later one', () => {
  const { core, greet, receive } = testCore({ others: [originOf(2)] });
  greet(1);
  const confirmed = { type: 'confirmed', seq: 1, sum: { high: 0, low: 1 } } as const;
  assert.is(errorIn(receive(1, confirmed)), undefined);
  assert.is(core.acks(1), 1);
  assert.is(core.acks(2), 0);
});

words(
  'ops of ours count as held by a peer only with our sum: a log put back may have others',
  () => {
    const digestOf = (view: TestCore['view'], low: number): Message => {
      const digest = digestWith(view, { [view.origin]: 1 });
      return {
        type: 'digest',
        digest: { ...digest, sums: new Map([[view.origin, { high: 0, low }]]) },
      };
    };
    const ways: ((low: number, view: TestCore['view']) => Message)[] = [
      (low) => ({ type: 'confirmed', seq: 1, sum: { high: 0, low } }),
      (low, view) => digestOf(view, low),
    ];
    for (const way of ways)
      for (const [low, acks, rejoins] of [
        [1, 1, 0],
        [7, 0, 1],
      ] as const) {
        const { core, view, greet, receive } = testCore({ others: [originOf(2)] });
        view.vector.set(view.origin, 2);
        greet(1);
        const outputs = receive(1, way(low, view));
        assert.equal([core.acks(1), ofKind(outputs, 'rejoin').length], [acks, rejoins]);
      }
  },
);

words('a node that has begun anew counts once, until its old origin is retired', () => {
  const { core, view, greet, receive } = testCore();
  for (const [seq, key, url] of [
    [1, 'node2.aaaaaa', 'http://two'],
    [2, 'node2.bbbbbb', 'http://two'],
    [3, 'node3.aaaaaa', 'http://three'],
    [4, 'node4.aaaaaa', null],
    [5, 'node4.bbbbbb', 'http://four'],
    [6, 'node3.bbbbbb', 'http://elsewhere'],
  ] as const) {
    const nodeId = key.slice(0, 5);
    view.members.fold(membership({ seq, key, value: memberValue(nodeId, url) }));
    greet(seq, { origin: key, nodeId, url });
    receive(seq, { type: 'confirmed', seq: 1, sum: { high: 0, low: 1 } });
  }
  assert.is(core.acks(1), 4, 'two nodes may bear one name, at two URLs');
});

words('a node on a copy of the log of a member that lacks the op counts once, as itself', () => {
  const { core, view, greet, receive } = testCore();
  for (const [seq, key] of [
    [1, 'node2.aaaaaa'],
    [2, 'node3.aaaaaa'],
  ] as const) {
    const value = memberValue(key.slice(0, 5), `http://${key.slice(0, 5)}`);
    view.members.fold(membership({ seq, key, value }));
  }
  for (const [connection, origin] of [
    [1, 'node3.aaaaaa'],
    [2, 'node2.aaaaaa'],
  ] as const) {
    greet(connection, { origin, nodeId: 'node3', url: 'http://node3' });
    receive(connection, { type: 'confirmed', seq: 1, sum: { high: 0, low: 1 } });
  }
  assert.is(core.acks(1), 1);
});

words(
  'a digest with more ops of ours than there are confirms none, and is no fork by its sum',
  () => {
    const { core, view, greet, receive } = testCore({ others: [originOf(2)] });
    greet(1);
    // As if the end of our log was lost: the peer has it, and we wrote nothing since.
    const digest = digestWith(view, { [view.origin]: 3 });
    view.ownSumAt = () => ({ high: 0, low: 1 });
    const outputs = receive(1, { type: 'digest', digest });
    assert.equal([core.acks(1), ofKind(outputs, 'rejoin').length], [0, 0]);
  },
);

words(
  'without a sum only nodes of protocol 1 confirm; a sum that nobody knows any more confirms nothing',
  () => {
    for (const [protocol, acks] of [
      [[1, 1], 1],
      [[1, 2], 0],
    ] as const) {
      const { core, greet, receive } = testCore({ others: [originOf(2)] });
      greet(1, { protocol });
      receive(1, { type: 'confirmed', seq: 1 });
      assert.is(core.acks(1), acks);
    }
    const { core, view, greet, receive } = testCore({ others: [originOf(2)] });
    view.ownSumAt = () => undefined;
    greet(1);
    receive(1, { type: 'confirmed', seq: 1, sum: { high: 0, low: 1 } });
    assert.is(core.acks(1), 0);
  },
);

words('only members confirm, and a member that was retired does not count any more', () => {
  const { core, view, greet, receive } = testCore({ others: [originOf(2)] });
  greet(1);
  greet(3, { origin: originOf(3), admittedBy: originOf(2) });
  for (const connection of [1, 3])
    receive(connection, { type: 'confirmed', seq: 1, sum: { high: 0, low: 1 } });
  assert.is(core.acks(1), 1);
  view.members.fold(membership({ kind: 'retire', key: originOf(2) }));
  assert.is(core.acks(1), 0);
});

words('only a member is believed that two nodes bear this origin', () => {
  const clone = { type: 'error', code: 'clone', reason: 'x' } as const;
  for (const others of [[], [originOf(2)]]) {
    const { greet, receive } = testCore({ others });
    greet(1);
    assert.is(ofKind(receive(1, clone), 'rejoin').length, others.length);
  }
});

for (const url of ['not a url', 'node4:8000', 'http://h/latest/meta-data?x=1'])
  words(`a hello with the URL ${url} is a hello without one`, () => {
    const { core, greet, tick, clock } = testCore({ others: [originOf(2)] });
    const notes = ofKind(greet(1, { url }), 'note').map(({ text }) => text);
    assert.match(notes.join(), /URL that nobody can dial/);
    clock.nowMs += 60_000;
    assert.equal(ofKind(tick(), 'dial'), []);
    assert.is(core.status()[0]?.url, null);
  });

const rejoining = (code: 'retired' | 'stranger' | 'behind'): Message => ({
  type: 'rejoin',
  code,
  reason: 'x',
  smallestMember: null,
  reach: new Map([['node9.aaaaaa', 9]]),
  re: 1,
});

for (const code of ['stranger', 'behind'] as const)
  words(`a member that was not asked can not say that this node is ${code}`, () => {
    const { greet, receive } = testCore({ others: [originOf(2)] });
    greet(1);
    receive(1, { type: 'later', re: 1 });
    assert.equal(ofKind(receive(1, rejoining(code)), 'rejoin'), []);
  });

words('a stranger tells nobody to rejoin while a member is there', () => {
  for (const code of ['retired', 'stranger', 'behind'] as const) {
    const { greet, receive } = testCore({ others: [originOf(2)] });
    greet(1);
    greet(2, { origin: originOf(3) });
    assert.equal(ofKind(receive(2, rejoining(code)), 'rejoin'), []);
    assert.is(ofKind(receive(1, rejoining(code)), 'rejoin').length, 1);
  }
});

words('a connection makes this node dial one URL, whatever it names later', () => {
  const { core, greet, receive } = testCore({ others: [originOf(2)] });
  greet(1, { url: 'http://one' });
  for (let number = 0; number < 100; number++)
    receive(1, helloOf(originOf(2), { url: `http://other${number}` }));
  assert.equal(
    core.status().map(({ url }) => url),
    ['http://one'],
  );
});

words('no more than so many addresses are remembered, and so many dialled in a second', () => {
  const book = new AddressBook(['http://configured'], {
    firstRedialMs: 100,
    maxRedialMs: 1000,
    maxMembers: 20,
  });
  for (let number = 0; number < 1000; number++) book.addMember(`http://h${number}`, `o${number}.a`);
  assert.is([...book.all].length, 21);
  assert.is(book.takeDue(5000).length, MAX_DIALS_A_SECOND + 1);
  assert.is(book.takeDue(5999).length, 0);
  assert.is(book.takeDue(6000).length, MAX_DIALS_A_SECOND);
});

words('a cluster with the most members lets nobody in', () => {
  const { greet, receive, tick, view } = testCore({ settings: { maxMembers: 5 } });
  tick();
  for (const [count, admits] of [
    [4, 1],
    [5, 0],
  ] as const) {
    while (view.members.size < count)
      view.members.fold(membership({ key: `m${view.members.size}.aaaaaa` }));
    greet(count, { origin: `new${count}.aaaaaa`, joined: false });
    const outputs = receive(count, { type: 'digest', digest: digestWith(view, {}) });
    assert.is(ofKind(outputs, 'admit').length, admits);
  }
});

/** It has waited for the nodes that its settings name. */
function ready(node: TestCore): TestCore {
  node.pass(20_000);
  assert.is(node.core.phase, 'ready');
  return node;
}

/** Lets an origin ask to join, over a connection of its own. @returns whether it is let in, and told to wait. */
function asksToJoin(
  { greet, receive, view }: TestCore,
  connection: number,
  fields: Partial<Hello> = {},
): { isLetIn: boolean; waits: boolean } {
  greet(connection, { origin: `new${connection}.aaaaaa`, joined: false, ...fields });
  const outputs = receive(connection, { type: 'digest', digest: digestWith(view, {}) });
  const [isLetIn, waits] = [ofKind(outputs, 'admit').length, ofKind(outputs, 'postponed').length];
  assert.is(sent(outputs, 'later').length, waits);
  return { isLetIn: isLetIn > 0, waits: waits > 0 };
}

words('five nodes that nobody expects are let in within a minute, and then the next', () => {
  const node = testCore();
  node.tick();
  for (let count = 1; count <= 5; count++) {
    node.clock.nowMs += 1000;
    assert.equal(asksToJoin(node, count), { isLetIn: true, waits: false });
  }
  node.clock.nowMs += 55_999;
  assert.equal(asksToJoin(node, 6), { isLetIn: false, waits: true });
  node.clock.nowMs++;
  assert.equal(asksToJoin(node, 7), { isLetIn: true, waits: false });
  assert.equal(asksToJoin(node, 8), { isLetIn: false, waits: true });
});

words(
  'a peer that asks again before it is let in counts once, and is let in beyond the bound',
  () => {
    const node = ready(testCore({ settings: { maxJoinsPerMinute: 2 } }));
    assert.ok(asksToJoin(node, 1).isLetIn);
    const again = (): number => {
      const digest = digestWith(node.view, {});
      return ofKind(node.receive(1, { type: 'digest', digest }), 'admit').length;
    };
    assert.is(again(), 1);
    assert.ok(asksToJoin(node, 2).isLetIn);
    assert.equal(asksToJoin(node, 3), { isLetIn: false, waits: true });
    assert.is(again(), 1);
  },
);

words('a bound that keeps a peer out is told to it, and names the setting', () => {
  const reasonOf = (settings: Parameters<typeof testCore>[0]): string | undefined => {
    const node = ready(testCore(settings));
    asksToJoin(node, 1);
    node.view.members.fold(membership({ key: 'new1.aaaaaa' }));
    node.greet(2, { origin: 'new2.aaaaaa', joined: false });
    const digest = digestWith(node.view, {});
    return sent(node.receive(2, { type: 'digest', digest }), 'later')[0]?.message.reason;
  };
  assert.match(reasonOf({ settings: { maxJoinsPerMinute: 1 } }) ?? '', /--max-joins-per-minute/);
  assert.match(reasonOf({ settings: { maxMembers: 2 } }) ?? '', /--max-members/);
});

words('nodes that the settings name do not wait for one another, nor for strangers', () => {
  const urls = Array.from({ length: 20 }, (_, index) => `http://h${index}`);
  const node = ready(testCore({ settings: { urls, maxJoinsPerMinute: 2 } }));
  for (let count = 1; count <= 3; count++)
    assert.is(asksToJoin(node, count, { url: `http://elsewhere${count}` }).isLetIn, count <= 2);
  for (const [index, url] of urls.entries())
    assert.ok(asksToJoin(node, 100 + index, { url }).isLetIn, url);
  assert.ok(asksToJoin(node, 200, { url: 'http://h1' }).isLetIn);
  assert.equal(asksToJoin(node, 201, { url: 'http://h1' }), { isLetIn: false, waits: true });
});

words('nobody is let in with the name and URL of a member that was reached there', () => {
  const member = originOf(2);
  const url = 'http://two';
  const node = ready(testCore({ others: [member], settings: { urls: [url] } }));
  // It only says so: the node that was there may be back under another origin.
  node.greet(1, { origin: member, url });
  assert.ok(asksToJoin(node, 2, { nodeId: 'node2', url }).isLetIn);
  node.step({ kind: 'closed', connection: 1, reason: 'gone' });
  node.greet(3, { origin: member, url }, url);
  assert.equal(asksToJoin(node, 4, { nodeId: 'node2', url }), { isLetIn: false, waits: true });
  assert.ok(asksToJoin(node, 5, { nodeId: 'node5', url }).isLetIn);
  node.step({ kind: 'closed', connection: 3, reason: 'gone' });
  assert.ok(asksToJoin(node, 6, { nodeId: 'node2', url }).isLetIn);
});

words('nobody invents forks of origins that this node holds nothing of', () => {
  const { core, view, greet, step, receive } = testCore({ others: [originOf(2)] });
  greet(1);
  const invented = Array.from({ length: 5000 }, (_, index) => `evil.${index}`);
  const outcome = { kind: 'fork', origins: invented, ops: 0 } as const;
  const outputs = step({ kind: 'taken', connection: 1, outcome, pull: null, more: false });
  const digest = digestWith(view, Object.fromEntries(invented.map((origin) => [origin, 0])));
  const sums = new Map(invented.map((origin) => [origin, { high: 1, low: 1 }]));
  const others = receive(1, { type: 'digest', digest: { ...digest, sums } });
  assert.is(core.forked.size, 0);
  assert.is(ofKind([...outputs, ...others], 'note').length, 0);
});

words('the log tells of ten forks, and all of them count', () => {
  const { core, view, greet, step } = testCore({ others: [originOf(2)] });
  greet(1);
  const origins = Array.from({ length: 50 }, (_, index) => `evil.${index}`);
  for (const origin of origins) view.vector.set(origin, 1);
  const outcome = { kind: 'fork', origins, ops: 0 } as const;
  const outputs = step({ kind: 'taken', connection: 1, outcome, pull: null, more: false });
  assert.is(core.forked.size, 50);
  assert.is(ofKind(outputs, 'note').length, 10);
});

/** Each would be one issue of a schema: a million of them took more than a minute, so these would take six seconds. */
const FAULTS = 100_000;
const zeroes = `[${'0,'.repeat(FAULTS)}0]`;
const wrongOrigins = JSON.stringify(
  Object.fromEntries(Array.from({ length: FAULTS }, (_, index) => [`x${index}`, 1])),
);
for (const [name, text] of Object.entries({
  ranges: `{"type":"delta","ranges":${zeroes},"ops":[]}`,
  ops: `{"type":"delta","ranges":[],"ops":${zeroes}}`,
  rows: `{"type":"snapshot","part":0,"rows":${zeroes}}`,
  vector: `{"type":"digest","clock":0,"asOf":0,"horizon":0,"vector":${wrongOrigins},"sums":""}`,
  deletes: `{"type":"deleted","deletes":${zeroes},"next":null}`,
  entries: `{"type":"compared","asOf":1,"buckets":1,"bucket":0,"sums":"","entries":${zeroes}}`,
}))
  words(`${FAULTS} faults in ${name} cost no more than the first`, () => {
    JSON.parse(text); // warm, and what cannot be spared
    const before = process.cpuUsage();
    assert.throws(
      () => decodeMessage(text),
      (error: unknown) => error instanceof MalformedMessageError && error.message.length < 500,
    );
    const { user } = process.cpuUsage(before);
    assert.ok(user < 1_000_000, `it took ${user} µs`);
  });

words.run();
