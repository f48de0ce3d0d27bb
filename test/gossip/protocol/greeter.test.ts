/** Greetings at their edges: what is told to people, which URLs are dialled, and what follows a rejoin. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import type { ErrorMessage } from '../../../src/gossip/protocol/messages.ts';
import { memberValue } from '../../../src/rules/members.ts';
import {
  digestOf,
  errorIn,
  helloOf,
  NOW,
  ofKind,
  originOf,
  SETTINGS,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const [OWN, TWO, THREE] = [1, 2, 3].map(originOf) as [string, string, string];
const [OWN_URL, URL, OTHER_URL] = ['http://one', 'http://two', 'http://three'];

const eventsOf = (outputs: readonly Output[]): string[] =>
  ofKind(outputs, 'note').map(({ facts }) => facts.event);
const dialledBy = (node: TestCore): string[] => ofKind(node.tick(), 'dial').map(({ url }) => url);

const greeter = suite('greetings at their edges');

greeter('a peer whose clock is so far behind that it will refuse this node is not told of', () => {
  for (const [behindMs, events] of [
    [SETTINGS.maxClockSkewMs, ['connected']],
    [SETTINGS.maxClockSkewMs + 1, []],
  ] as const)
    assert.equal(eventsOf(testCore().greet(1, { clock: NOW - behindMs })), events);
});

greeter('a peer that bears the name of this node is warned of, with the URL to look at', () => {
  for (const [url, dialledUrl, place] of [
    [URL, OTHER_URL, URL],
    [null, OTHER_URL, OTHER_URL],
    [null, null, 'an unknown URL'],
  ] as const) {
    const outputs = testCore().greet(1, { nodeId: 'node1', url }, dialledUrl);
    assert.equal(eventsOf(outputs), ['connected', 'same-name']);
    const text = ofKind(outputs, 'note').at(-1)?.text ?? '';
    assert.match(text, `the peer at ${place} has the name of this node`);
  }
});

greeter('a peer says hello as one origin only', () => {
  const node = testCore({ others: [TWO, THREE] });
  node.greet(1, helloOf(TWO));
  const outputs = node.receive(1, helloOf(THREE));
  assert.equal(
    ofKind(outputs, 'misbehaved').map(({ fault, reason }) => [fault, reason]),
    [['order', `${TWO} says hello as ${THREE}`]],
  );
});

greeter('a member that is full is closed and dialled later, and nobody is warned', () => {
  const node = testCore({ others: [TWO], settings: { urls: [URL] } });
  node.tick();
  node.greet(1, helloOf(TWO), URL);
  const outputs = node.receive(1, { type: 'error', code: 'full', reason: 'it is full' });
  assert.is(ofKind(outputs, 'close').length, 1);
  assert.equal(eventsOf(outputs), ['disconnected']);
});

greeter('a peer without a URL is not dialled, also once its connection has ended', () => {
  const node = testCore({ others: [TWO] });
  node.greet(1, helloOf(TWO));
  assert.equal(dialledBy(node), []);
  node.step({ kind: 'closed', connection: 1, reason: 'it broke' });
  assert.equal(dialledBy(node), []);
});

greeter('the URL of a peer that has dialled rests, also where another connection stays', () => {
  const node = testCore({ others: [TWO], settings: { urls: [OTHER_URL] } });
  node.tick();
  node.greet(1, helloOf(TWO), OTHER_URL);
  assert.is(errorIn(node.greet(2, helloOf(TWO, { url: URL })))?.code, 'duplicate');
  node.view.members.fold(
    membership({ seq: 2, key: TWO, value: memberValue('node2', URL), hlc: 2_000_000 }),
  );
  assert.equal(ofKind(node.pass(2000), 'dial'), []);
});

greeter('a URL that a peer only names is dialled, where another URL led to the peer', () => {
  const node = testCore({ others: [TWO], settings: { urls: [OTHER_URL] } });
  assert.equal(dialledBy(node), [OTHER_URL]);
  node.greet(1, helloOf(TWO, { url: URL }), OTHER_URL);
  assert.equal(dialledBy(node), [URL]);
});

greeter('a node keeps the URL that it was given, also where it meets itself at another one', () => {
  const itself = { origin: OWN, instance: `instance of ${OWN}` };
  for (const [url, known] of [
    [OWN_URL, OWN_URL],
    [null, OTHER_URL],
  ] as const) {
    const node = testCore({ settings: { url, urls: [OTHER_URL, URL] } });
    assert.is(sent(node.greet(1, itself, OTHER_URL), 'hello').length, 0);
    const [hello] = sent(node.open(2), 'hello');
    assert.is(hello?.message.url, known);
  }
});

greeter('a lone node that gives way is told to name its peers where it names none', () => {
  for (const [urls, hint] of [
    [[], true],
    [[URL], false],
  ] as const) {
    const node = testCore({ settings: { urls } });
    const [rejoin] = ofKind(node.greet(1, { clusterId: 'another', size: 3 }), 'rejoin');
    assert.is(/; name its peers with --nodes or NODES$/.test(rejoin?.reason ?? ''), hint);
  }
});

const CLONE: ErrorMessage = { type: 'error', code: 'clone', reason: 'two nodes' };

greeter(
  'the connection to a member that tells of a copy ends, also where it is not followed',
  () => {
    const node = testCore({ others: [TWO, THREE] });
    for (const [connection, origin] of [TWO, THREE].entries()) {
      node.greet(connection, helloOf(origin));
      node.receive(connection, { type: 'digest', digest: digestOf(node.view) });
    }
    node.tick();
    assert.is(node.core.phase, 'ready');
    const outputs = node.receive(0, CLONE);
    assert.equal(
      ofKind(outputs, 'close').map(({ connection }) => connection),
      [0],
    );
  },
);

greeter('a rejoin is the last output: nobody is told anything after it', () => {
  const told = testCore({ others: [TWO] });
  told.greet(1, helloOf(TWO));
  const met = testCore();
  for (const outputs of [
    told.receive(1, CLONE),
    met.greet(1, { origin: OWN, instance: 'a smaller instance' }),
  ])
    assert.is(outputs.at(-1)?.kind, 'rejoin');
});

greeter.run();
