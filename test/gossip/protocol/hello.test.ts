import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Output, OutputOf } from '../../../src/gossip/protocol/inputOutput.ts';
import { type Hello, type Message, PROTOCOL_RANGE } from '../../../src/gossip/protocol/messages.ts';
import {
  digestOf,
  digestWith,
  errorIn,
  helloOf,
  NOW,
  ofKind,
  originOf,
  pulledFrom,
  sent,
  testCore,
} from '../../support/cores.ts';
import { message } from '../../support/generators.ts';

const URL = 'http://localhost:8002';
const OWN_URL = 'http://localhost:8001';

const notesOf = (outputs: readonly Output[]): string[] =>
  ofKind(outputs, 'note').map(({ text }) => text);
const kindsOf = (outputs: readonly Output[]): string[] => outputs.map(({ kind }) => kind);

const greetings = suite('greeting');

greetings('a connection that opens is told hello at once, and nothing else', () => {
  const { open } = testCore({ settings: { url: OWN_URL } });
  assert.equal(open(1), [
    {
      kind: 'send',
      connection: 1,
      message: helloOf(originOf(1), { url: OWN_URL, size: 1 }),
    },
  ]);
});

greetings('a peer that says hello is connected, noted, and pulled from at once', () => {
  const { core, greet } = testCore({ others: [originOf(2)] });
  const outputs = greet(7, {}, URL);
  assert.equal(pulledFrom(outputs), [7]);
  assert.equal(notesOf(outputs), ['node2 (node2.aaaaaa) is connected']);
  assert.equal(core.pushTargets(), [7]);
  const [row] = core.status();
  assert.equal(
    [row?.state, row?.nodeId, row?.origin, row?.url],
    ['connected', 'node2', originOf(2), URL],
  );
});

greetings('beyond a full mesh connections that come and go are noted for debugging alone', () => {
  const levels = (meshLimit: number) => {
    const node = testCore({ others: [originOf(2)], settings: { meshLimit } });
    const outputs = [
      ...node.greet(7, {}, URL),
      ...node.step({ kind: 'closed', connection: 7, reason: 'it broke' }),
    ];
    return ofKind(outputs, 'note').map(({ level }) => level);
  };
  assert.equal(levels(2), ['info', 'info']);
  assert.equal(levels(1), ['debug', 'debug']);
});

greetings(
  'a peer that has joined stays so, also if its earlier hello is heard after a later one',
  () => {
    const { core, view, greet, receive, tick, clock } = testCore({ others: [originOf(2)] });
    greet(7, {}, URL);
    receive(7, { type: 'digest', digest: digestOf(view), re: 1 });
    receive(7, helloOf(originOf(2), { joined: false, clusterId: null }));
    clock.nowMs += 10_000;
    assert.equal(pulledFrom(tick()), [7]);
    assert.equal(core.pushTargets(), [7]);
  },
);

greetings('a peer of later protocols is talked to, as long as one is common', () => {
  const [lowest, highest] = PROTOCOL_RANGE;
  for (const [protocol, isRefused] of [
    [[highest, highest + 3], false],
    [[highest + 1, highest + 3], true],
    [[lowest - 1, lowest], false],
    [[lowest - 1, lowest - 1], true],
  ] as const)
    assert.is(errorIn(testCore().greet(1, { protocol })) !== undefined, isRefused);
});

greetings('a peer that does not say hello in time is let go', () => {
  const { open, tick, clock } = testCore();
  open(1);
  clock.nowMs += 10_000;
  assert.equal(ofKind(tick(), 'close'), []);
  clock.nowMs += 1;
  assert.is(ofKind(tick(), 'close')[0]?.connection, 1);
});

greetings('nothing but hello is taken from a connection before its hello', () => {
  fc.assert(
    fc.property(message, (one) => {
      if (one.type === 'hello') return;
      const { core, open, receive } = testCore();
      open(1);
      const outputs = receive(1, one);
      if (one.type === 'error') {
        if (one.code !== 'duplicate') assert.equal(kindsOf(outputs), ['note', 'close']);
        return;
      }
      assert.equal(kindsOf(outputs), ['misbehaved', 'note', 'send', 'close']);
      assert.is(errorIn(outputs)?.code, 'malformed');
      assert.equal(core.pushTargets(), []);
    }),
  );
});

greetings('a peer that has dialled is not waited for at its URL, whenever it tells it', () => {
  for (const tellsLater of [false, true]) {
    const { core, open, receive, step, tick } = testCore({
      settings: { urls: [URL] },
      others: [originOf(2)],
    });
    assert.equal(
      ofKind(tick(), 'dial').map(({ url }) => url),
      [URL],
    );
    open(1);
    receive(1, helloOf(originOf(2), { url: tellsLater ? null : URL }));
    if (tellsLater) receive(1, helloOf(originOf(2), { url: URL }));
    // It takes no dials of this node, as nodes of an older release.
    step({ kind: 'dialFailed', url: URL, reason: 'refused' });
    assert.equal(ofKind(tick(), 'dial'), []);
    assert.equal(
      core.status().map(({ state }) => state),
      ['connected'],
    );
  }
});

greetings('what comes over a connection that is gone changes nothing', () => {
  const { view, greet, receive, step } = testCore({ others: [originOf(2)] });
  greet(1);
  step({ kind: 'closed', connection: 1, reason: 'it broke' });
  assert.equal(receive(1, { type: 'digest', digest: digestOf(view) }), []);
  assert.equal(step({ kind: 'closed', connection: 1, reason: 'it broke' }), []);
  assert.equal(step({ kind: 'malformed', connection: 1, fault: 'form', reason: 'x' }), []);
  const outcome = { kind: 'applied', ops: 1 } as const;
  assert.equal(step({ kind: 'taken', connection: 1, outcome, pull: 1, more: true }), []);
});

greetings.run();

const refusals = suite('refusing a peer');

const REFUSED: readonly [what: string, hello: Partial<Hello>, code: string, reason: RegExp][] = [
  [
    'speaks only newer protocols',
    { protocol: [7, 8] },
    'protocol',
    /node2 speaks protocol 7 to 8, node1 speaks 1 to 6/,
  ],
  ['speaks only older protocols', { protocol: [0, 0] }, 'protocol', /node2 speaks protocol 0 to 0/],
  [
    'is of another cluster',
    { cluster: 'other' },
    'cluster',
    /node2 is of cluster other, node1 is of cluster hearsay: .* --cluster \(CLUSTER\)/,
  ],
  [
    'has a clock too far ahead',
    { clock: NOW + 10_001 },
    'clock',
    /clock of node2 is 10 s ahead of that of node1/,
  ],
];

for (const [what, hello, code, reason] of REFUSED) {
  refusals(`a peer that ${what} is told why, noted and let go`, () => {
    for (const dialledUrl of [null, URL]) {
      const { core, greet } = testCore({ settings: { urls: [URL] } });
      const outputs = greet(1, hello, dialledUrl);
      assert.equal(kindsOf(outputs), ['note', 'send', 'close']);
      const error = errorIn(outputs);
      assert.is(error?.code, code);
      assert.match(error?.reason ?? '', reason);
      assert.match(notesOf(outputs)[0] ?? '', reason);
      assert.equal(core.pushTargets(), []);
    }
  });
}

refusals('ranges of protocols that meet, and clocks within the skew or behind, are taken', () => {
  for (const hello of [
    { protocol: [1, 9] },
    { protocol: [0, 1] },
    { clock: NOW + 10_000 },
    { clock: NOW - 1e9 },
  ] as const)
    assert.is(pulledFrom(testCore({ others: [originOf(2)] }).greet(1, hello)).length, 1);
});

refusals('a peer that refuses us is noted with its reason, and let go', () => {
  const { core, open, receive } = testCore({ settings: { urls: [URL] } });
  open(1, URL);
  const outputs = receive(1, { type: 'error', code: 'cluster', reason: 'you are a stranger' });
  assert.equal(notesOf(outputs), ['a peer refuses this node: you are a stranger']);
  assert.is(ofKind(outputs, 'close').length, 1);
  const [row] = core.status();
  assert.equal([row?.state, row?.reason, row?.url], ['refused', 'you are a stranger', URL]);
});

refusals('a peer that refused this node counts as refusing until it says more than hello', () => {
  for (const dialledUrl of [URL, null]) {
    const { core, view, greet, receive, step } = testCore({
      others: [originOf(2)],
      settings: { urls: [URL] },
    });
    const shown = (): unknown => core.status().map(({ state, reason }) => [state, reason]);
    const reason = 'your clock is an hour ahead';
    greet(1, { url: URL }, dialledUrl);
    receive(1, { type: 'error', code: 'clock', reason });
    assert.equal(shown(), [['refused', reason]]);
    greet(2, { url: URL }, dialledUrl);
    assert.equal(shown(), [['refused', reason]]);
    step({ kind: 'closed', connection: 2, reason: 'it broke' });
    assert.equal(shown(), [['refused', reason]]);
    greet(3, { url: URL }, dialledUrl);
    receive(3, { type: 'digest', digest: digestWith(view, {}), re: 1 });
    assert.equal(shown(), [['connected', null]]);
    step({ kind: 'closed', connection: 3, reason: 'it broke' });
    assert.equal(shown(), [['connecting', 'it broke']]);
  }
});

refusals('a peer that talks is connected, also if the end of a refused dial comes later', () => {
  const { core, view, open, greet, receive, step } = testCore({
    others: [originOf(2)],
    settings: { urls: [URL] },
  });
  const states = (): unknown => core.status().map(({ state }) => state);
  const digest = { type: 'digest', digest: digestWith(view, {}), re: 1 } as const;
  open(1, URL);
  greet(2, { url: URL });
  receive(2, digest);
  step({ kind: 'malformed', connection: 1, fault: 'form', reason: 'it is not JSON' });
  step({ kind: 'closed', connection: 1, reason: 'it is not JSON' });
  assert.equal(states(), ['refused']);
  receive(2, digest);
  assert.equal(states(), ['connected']);
});

refusals('a peer that dialled and is refused is shown at the URL that this node knows', () => {
  const { core, greet, tick } = testCore({ settings: { urls: [URL] } });
  const states = (): unknown => core.status().map(({ url, state }) => [url, state]);
  const outputs = greet(1, { clock: NOW + 3_600_000, url: 'http://another:8002' });
  assert.equal(states(), [[URL, 'connecting']]);
  tick();
  greet(2, { clock: NOW + 3_600_000, url: URL });
  assert.equal(states(), [[URL, 'refused']]);
  assert.match(core.status()[0]?.reason ?? '', /clock of node2 is 3600 s ahead/);
  const [note] = ofKind(outputs, 'note');
  const { reason: _reason, ...facts } = note?.facts ?? { event: '' };
  assert.equal(facts, { event: 'refuses', peer: 'node2', origin: originOf(2), code: 'clock' });
});

refusals('the same refusal of the same URL is noted once, another one again', () => {
  const { open, receive, tick, clock } = testCore({ settings: { urls: [URL] } });
  const refuse = (connection: number, reason: string): number => {
    clock.nowMs += 10_000;
    tick();
    open(connection, URL);
    return notesOf(receive(connection, { type: 'error', code: 'cluster', reason })).length;
  };
  assert.equal([refuse(1, 'a'), refuse(2, 'a'), refuse(3, 'b')], [1, 0, 1]);
});

refusals('a refused URL is dialled again after a wait', () => {
  const { greet, tick, clock } = testCore({ settings: { urls: [URL] } });
  assert.equal(ofKind(tick(), 'dial'), [{ kind: 'dial', url: URL }]);
  greet(1, { cluster: 'other' }, URL);
  assert.equal(ofKind(tick(), 'dial'), []);
  clock.nowMs += 100;
  assert.equal(ofKind(tick(), 'dial'), [{ kind: 'dial', url: URL }]);
});

refusals('a malformed message ends a greeted connection as well, and both sides hear why', () => {
  const { core, greet, step } = testCore({ others: [originOf(2)] });
  greet(1);
  const outputs = step({
    kind: 'malformed',
    connection: 1,
    fault: 'form',
    reason: 'it is not JSON',
  });
  assert.equal(errorIn(outputs), {
    type: 'error',
    code: 'malformed',
    reason: 'it is not JSON',
  });
  assert.is(ofKind(outputs, 'close').length, 1);
  assert.match(notesOf(outputs)[0] ?? '', /it is not JSON/);
  assert.equal(core.pushTargets(), []);
});

refusals('the URL of a refused peer is dialled again after a wait, whoever had dialled', () => {
  for (const dialledUrl of [null, URL]) {
    const { core, greet, step, tick, clock } = testCore({
      others: [originOf(2)],
      settings: { urls: [URL] },
    });
    greet(1, { url: URL }, dialledUrl);
    assert.equal(ofKind(tick(), 'dial'), []);
    step({ kind: 'malformed', connection: 1, fault: 'form', reason: 'it is not JSON' });
    assert.equal(ofKind(tick(), 'dial'), []);
    assert.equal(
      core.status().map(({ url, state, reason }) => [url, state, reason]),
      [[URL, 'refused', 'it is not JSON']],
    );
    clock.nowMs += 100;
    assert.equal(ofKind(tick(), 'dial'), [{ kind: 'dial', url: URL }]);
  }
});

refusals('every other URL of a refused peer is dialled again as well', () => {
  const other = 'http://127.0.0.1:8002';
  const { greet, step, tick, clock } = testCore({
    others: [originOf(2)],
    settings: { urls: [URL, other] },
  });
  greet(1, { url: other });
  greet(2, { url: other }, URL);
  assert.equal(ofKind(tick(), 'dial'), []);
  step({ kind: 'malformed', connection: 2, fault: 'form', reason: 'it is not JSON' });
  clock.nowMs += 3000;
  assert.equal(
    ofKind(tick(), 'dial').map(({ url }) => url),
    [URL, other],
  );
});

refusals('a digest that shows a clock too far ahead ends the connection', () => {
  const { view, greet, receive } = testCore({ others: [originOf(2)] });
  greet(1);
  const digest = digestOf(view, { clock: NOW + 10_001 });
  const outputs = receive(1, { type: 'digest', digest });
  assert.is(errorIn(outputs)?.code, 'clock');
  assert.equal(ofKind(outputs, 'answer'), []);
});

refusals.run();

const selves = suite('meeting oneself');
const OWN = { origin: originOf(1), instance: `instance of ${originOf(1)}` };

selves('the own URL of this very node is let go and never dialled again', () => {
  const { core, greet, step, tick, clock } = testCore({ settings: { urls: [URL], url: URL } });
  tick();
  assert.equal(kindsOf(greet(1, OWN, URL)), ['close']);
  step({ kind: 'closed', connection: 1, reason: 'we closed' });
  clock.nowMs += 1e6;
  assert.equal(ofKind(tick(), 'dial'), []);
  assert.equal(core.status(), []);
});

selves('where every address leads to this node, that is told, and dialled again in a while', () => {
  const { greet, step, tick, clock } = testCore({ settings: { urls: [URL] } });
  tick();
  const notes = ofKind(greet(1, OWN, URL), 'note').map(({ text }) => text);
  assert.match(notes.join(), /leads to this node itself/);
  step({ kind: 'closed', connection: 1, reason: 'we closed' });
  clock.nowMs += 60_000;
  assert.equal(
    ofKind(tick(), 'dial').map(({ url }) => url),
    [URL],
  );
  const { greet: meet } = testCore({ settings: { urls: [URL, OWN_URL] } });
  assert.equal(ofKind(meet(1, OWN, OWN_URL), 'note'), [], 'another one may still answer');
});

selves('the other end of such a dial waits for the dialler to close', () => {
  const { core, greet } = testCore();
  assert.equal(greet(2, OWN), []);
  assert.equal(core.pushTargets(), []);
});

selves('a node that did not know its own URL tells its peers once it has met itself there', () => {
  const { greet } = testCore({ others: [originOf(2)], settings: { urls: [OWN_URL, URL] } });
  greet(1, {}, URL);
  const hellos = sent(greet(2, OWN, OWN_URL), 'hello');
  assert.equal(
    hellos.map(({ connection, message }) => [connection, message.url]),
    [[1, OWN_URL]],
  );
});

selves('of two nodes on copies of one database one rejoins and the other refuses it', () => {
  const [greater, smaller] = ['z', 'a'].map((instance) =>
    testCore().greet(1, { ...OWN, instance }),
  );
  assert.is(ofKind(smaller ?? [], 'rejoin').length, 1);
  assert.equal(ofKind(greater ?? [], 'rejoin'), []);
  assert.is(errorIn(greater ?? [])?.code, 'clone');
});

selves('of two processes under one origin that both live, a peer sends the greater away', () => {
  for (const [first, second, goes] of [
    ['a', 'z', 2],
    ['z', 'a', 3],
  ] as const) {
    const { greet, step } = testCore({ others: [originOf(2)] });
    greet(1, { instance: first });
    // As after a new start of the node: nobody is sent away.
    assert.equal(sent(greet(2, { instance: second }), 'error'), []);
    step({ kind: 'closed', connection: 1, reason: 'closed' });
    const outputs = greet(3, { instance: first });
    assert.equal(
      sent(outputs, 'error').map(({ connection, message }) => [connection, message.code]),
      [[goes, 'clone']],
    );
    assert.equal(pulledFrom(outputs), goes === 3 ? [] : [3]);
  }
});

selves('a node that is told of its twin rejoins, and the twin keeps the origin', () => {
  const { greet, receive } = testCore({ others: [originOf(2)] });
  greet(1);
  const [rejoin] = ofKind(receive(1, { type: 'error', code: 'clone', reason: 'two' }), 'rejoin');
  assert.equal([rejoin?.keep, rejoin?.ownOps], [true, 'shared']);
});

selves.run();

const dials = suite('dialling peers');

dials('every URL is dialled at the first tick', () => {
  const { tick } = testCore({ settings: { urls: [URL, OWN_URL] } });
  assert.equal(
    ofKind(tick(), 'dial').map(({ url }) => url),
    [URL, OWN_URL],
  );
});

dials('a URL that does not answer is noted once and dialled until it does', () => {
  const { core, step, tick, clock } = testCore({ settings: { urls: [URL] } });
  const notes: OutputOf<'note'>[] = [];
  let dialled = 0;
  for (let round = 0; round < 50; round++) {
    dialled += ofKind(tick(), 'dial').length;
    notes.push(
      ...ofKind(step({ kind: 'dialFailed', url: URL, reason: 'nobody is there' }), 'note'),
    );
    clock.nowMs += 3000;
  }
  assert.is(dialled, 50);
  const facts = { event: 'unanswered', url: URL, reason: 'nobody is there' };
  assert.equal(
    notes.map((note) => note.facts),
    [facts],
  );
  const [row] = core.status();
  assert.equal([row?.state, row?.reason], ['unreachable', 'nobody is there']);
});

dials('a connection that breaks is dialled again at once', () => {
  const { greet, step, tick } = testCore({ others: [originOf(2)], settings: { urls: [URL] } });
  tick();
  greet(1, {}, URL);
  assert.equal(ofKind(tick(), 'dial'), []);
  const outputs = step({ kind: 'closed', connection: 1, reason: 'it broke' });
  assert.match(notesOf(outputs)[0] ?? '', /node2 .* is no longer connected: it broke/);
  assert.equal(ofKind(tick(), 'dial'), [{ kind: 'dial', url: URL }]);
});

dials('a connection that breaks before its hello is a failed dial', () => {
  const { open, step, tick, clock } = testCore({ settings: { urls: [URL] } });
  tick();
  open(1, URL);
  step({ kind: 'closed', connection: 1, reason: 'it broke' });
  assert.equal(ofKind(tick(), 'dial'), []);
  clock.nowMs += 100;
  assert.equal(ofKind(tick(), 'dial'), [{ kind: 'dial', url: URL }]);
});

dials('any messages in any order, as long as they decode, never make the core fail', () => {
  const input = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), message) },
    { weight: 1, arbitrary: fc.constantFrom<'tick' | 'open' | 'close'>('tick', 'open', 'close') },
  );
  fc.assert(
    fc.property(fc.array(input, { maxLength: 30 }), (inputs) => {
      const { open, receive, tick, step } = testCore({ others: [originOf(2)] });
      let next = 1;
      for (const one of inputs) {
        if (one === 'tick') tick();
        else if (one === 'open') open(next++);
        else if (one === 'close')
          step({ kind: 'closed', connection: next - 1, reason: 'it broke' });
        else receive(one[0], one[1] as Message);
      }
    }),
    { numRuns: 500 },
  );
});

dials.run();
