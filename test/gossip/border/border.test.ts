/** The border towards peers: bounds before anything is parsed, and what breaking them costs. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Border } from '../../../src/gossip/border/border.ts';
import { BURST_SECONDS, boundsOf } from '../../../src/gossip/border/bounds.ts';
import { digestChanges } from '../../../src/gossip/protocol/digestChanges.ts';
import type { Input, InputOf } from '../../../src/gossip/protocol/inputOutput.ts';
import { encodeMessage, type Message } from '../../../src/gossip/protocol/messages.ts';
import { reportOf } from '../../../src/rules/certificate.ts';
import { hashed, reportChanges } from '../../../src/rules/reportChanges.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import type { NoteFacts } from '../../../src/words/note.ts';
import { MAX_ORIGINS } from '../../../src/words/vector.ts';
import { digestOf, helloOf, NOW, originOf, testCore } from '../../support/cores.ts';

const border = suite('the border towards peers');

const REFUSAL_MS = 600_000;
const LIMITS = { ...defaultLimits, maxPeerMessagesPerSecond: 100 };
const BOUNDS = boundsOf(LIMITS);
const TYPES = Object.keys(BOUNDS) as Message['type'][];
const HERE = '10.0.0.1';
/** The URL of a member. */
const THERE = 'http://10.0.0.1:8000';

interface Guarded {
  readonly border: Border;
  readonly clock: { nowMs: number };
  /** Connections that were ended because their peer is refused. */
  readonly ended: number[];
  readonly told: string[];
  /** The facts of the texts, for machines. */
  readonly facts: NoteFacts[];
  /** Opens a connection over which a peer says hello. @returns the input that its hello becomes. */
  readonly greet: (
    connection: number,
    origin: string,
    address?: string,
    dialledUrl?: string | null,
  ) => Input;
  /** Gives a text, and has its fault counted, as the core does. */
  readonly say: (connection: number, text: string) => Input;
}

function guarded(members: readonly string[] = [originOf(2)]): Guarded {
  const clock = { nowMs: NOW };
  const ended: number[] = [];
  const told: string[] = [];
  const facts: NoteFacts[] = [];
  const one = new Border({
    limits: LIMITS,
    refusalMs: REFUSAL_MS,
    isMember: (origin) => members.includes(origin),
    isNamed: (url) => url === THERE,
    steadyMs: () => clock.nowMs,
    refuse: (connection) => ended.push(connection),
    warn: (text, noted) => {
      told.push(text);
      facts.push(noted);
    },
  });
  const say = (connection: number, text: string): Input => {
    const input = one.inputOf(connection, text);
    if (input.kind === 'malformed') one.misbehaved(connection, input.fault, input.reason);
    return input;
  };
  return {
    border: one,
    clock,
    ended,
    told,
    facts,
    say,
    greet: (connection, origin, address = HERE, dialledUrl = null) => {
      one.opened(connection, address, dialledUrl);
      return say(connection, encodeMessage(helloOf(origin)));
    },
  };
}

const faultIn = (input: Input): InputOf<'malformed'>['fault'] | null =>
  input.kind === 'malformed' ? input.fault : null;

/** A text that begins as the type does. With most rests it is no JSON, which a parser would find. */
const textOf = (type: string, rest: string): string => `{"type":"${type}","x":${rest}`;

for (const type of TYPES) {
  const { maxLength, maxElements, maxDepth, maxPerSecond } = BOUNDS[type];

  border(`${type}: a text is refused for its length, its elements and its depth unparsed`, () => {
    const padding = maxLength - textOf(type, '"').length;
    for (const [rest, fault] of [
      [`"${' '.repeat(padding)}`, 'form'],
      [`"${' '.repeat(padding + 1)}`, 'bound'],
      // Two elements are the members, and one the list.
      [`[${','.repeat(maxElements - 3)}`, 'form'],
      [`[${','.repeat(maxElements - 2)}`, 'bound'],
      ['['.repeat(maxDepth - 1), 'form'],
      ['['.repeat(maxDepth), 'bound'],
    ] as const) {
      const { greet, say } = guarded();
      greet(1, originOf(2));
      assert.is(faultIn(say(1, textOf(type, rest))), fault, rest.slice(0, 9));
    }
  });

  border(`${type}: a flood is refused, and a second later nothing is`, () => {
    const { greet, border: one, clock } = guarded();
    greet(1, originOf(2));
    const most = BURST_SECONDS * maxPerSecond - (type === 'hello' ? 1 : 0);
    const text = textOf(type, '[[[[[[');
    for (let count = 0; count < most; count++)
      if (faultIn(one.inputOf(1, text)) === 'rate') assert.unreachable(`at ${count}`);
    assert.is(faultIn(one.inputOf(1, text)), 'rate');
    clock.nowMs += 1000;
    assert.is.not(faultIn(one.inputOf(1, text)), 'rate');
  });
}

border('differences of all the origins that a cluster can have pass', () => {
  const origins = Array.from({ length: MAX_ORIGINS }, (_, index) => originOf(1000 + index));
  const vectorAt = (seq: number) => new Map(origins.map((origin) => [origin, seq]));
  const sums = new Map(origins.map((origin) => [origin, { high: 1, low: 2 }]));
  const digest = digestOf(testCore().view, { vector: vectorAt(7), sums: new Map() });
  const told = digestChanges(digest, { ...digest, vector: vectorAt(1007), sums, unheard: origins });
  const reportAt = (seq: number) => reportOf(originOf(1), vectorAt(seq), NOW);
  const after = { ...reportAt(1007), max: vectorAt(2007), members: new Set(origins) };
  const changes = reportChanges(hashed(reportAt(7)), hashed(after));
  for (const message of [
    { type: 'ask', changes: told, re: 1 },
    { type: 'reply', delta: { ranges: [], ops: [] }, changes: told, more: false, re: 1 },
    { type: 'echo', id: 'r', changes },
    { type: 'certificate', id: 'r', changes },
    { type: 'certificate', id: 'r', report: after },
  ] satisfies Message[]) {
    const { greet, say } = guarded();
    greet(1, originOf(2));
    assert.equal(say(1, encodeMessage(message)).kind, 'message', message.type);
  }
});

border('only hello and error come before a hello, and nothing else is parsed', () => {
  const { border: one, say } = guarded();
  for (const [index, type] of TYPES.entries()) {
    one.opened(index, `10.0.1.${index}`, null);
    const isGreeting = type === 'hello' || type === 'error';
    assert.is(faultIn(say(index, textOf(type, '1}'))), isGreeting ? 'form' : 'order', type);
  }
});

border('a text with two types is none of them', () => {
  const { greet, say } = guarded();
  greet(1, originOf(2));
  assert.is(faultIn(say(1, '{"type":"later","type":"next","part":0}')), 'form');
  assert.is(faultIn(say(1, '{"type":"constructor"}')), 'form');
});

const broken = textOf('later', '');
const REFUSES = { event: 'refuses-for-a-while' } as const;

border('a member that breaks the protocol three times is refused by name for ten minutes', () => {
  const { border: one, greet, say, clock, told, facts } = guarded();
  for (let count = 0; count < 3; count++) {
    assert.is(greet(count, originOf(2)).kind, 'message');
    say(count, broken);
    one.closed(count);
  }
  assert.is(told.length, 1);
  assert.match(told[0] ?? '', /node2 \(node2\.aaaaaa\) at 10\.0\.0\.1 is refused for 10 min/);
  const [{ reason, ...noted } = { reason: undefined }] = facts;
  assert.equal(noted, {
    ...REFUSES,
    code: 'form',
    peer: 'node2',
    origin: originOf(2),
    address: HERE,
  });
  assert.type(reason, 'string');
  assert.equal(
    one.refusals().map(({ name }) => name),
    ['node2 (node2.aaaaaa) at 10.0.0.1'],
  );
  assert.equal([one.faults.form, one.refused.form], [3, 1]);
  assert.is(greet(9, originOf(2)).kind, 'refused');
  clock.nowMs += REFUSAL_MS;
  assert.equal(one.refusals(), []);
  assert.is(greet(10, originOf(2)).kind, 'message');
});

border('a peer that says a member’s name elsewhere does not have that member refused', () => {
  const { greet, say, ended } = guarded();
  greet(1, originOf(2));
  for (let count = 2; count < 5; count++) {
    greet(count, originOf(2), '10.0.0.66');
    say(count, broken);
  }
  assert.is(greet(6, originOf(2), '10.0.0.66').kind, 'refused');
  assert.is(greet(7, originOf(2)).kind, 'message');
  assert.not.ok(ended.includes(1));
});

border('a member is reached at its URL whatever others say in its name at its address', () => {
  const { border: one, greet, say, ended } = guarded();
  greet(1, originOf(2), HERE, THERE);
  for (let count = 2; count < 5; count++) {
    greet(count, originOf(2));
    say(count, broken);
  }
  assert.is(greet(6, originOf(2)).kind, 'refused');
  assert.is(greet(7, originOf(2), HERE, THERE).kind, 'message');
  assert.not.ok(ended.includes(1));
  assert.equal(
    one.refusals().map(({ name }) => name),
    ['node2 (node2.aaaaaa) at 10.0.0.1'],
  );
});

border('a member that breaks the protocol where it was reached is refused there', () => {
  const { border: one, greet, say, facts } = guarded();
  for (let count = 0; count < 3; count++) {
    greet(count, originOf(2), HERE, THERE);
    say(count, broken);
  }
  assert.is(greet(4, originOf(2), HERE, THERE).kind, 'refused');
  assert.is(greet(5, originOf(2)).kind, 'message');
  assert.equal(
    one.refusals().map(({ name }) => name),
    [`node2 (node2.aaaaaa) at ${THERE}`],
  );
  assert.equal(
    facts.map(({ event, peer, url, address }) => ({ event, peer, url, address })),
    [{ ...REFUSES, peer: 'node2', url: THERE, address: undefined }],
  );
});

border('a hello says what its sender has proved', () => {
  const { border: one, say } = guarded();
  const { origin, nodeId, instance, cluster } = helloOf(originOf(2));
  const hello = encodeMessage(helloOf(originOf(2)));
  one.opened(1, HERE, null, { origin, nodeId, instance, cluster });
  assert.is(say(1, hello).kind, 'message');
  for (const [count, proved] of [
    { origin: originOf(3) },
    { instance: 'another' },
    { nodeId: 'node9' },
    { cluster: 'blue' },
  ].entries()) {
    one.opened(count + 2, `10.0.1.${count}`, null, proved);
    assert.is(faultIn(say(count + 2, hello)), 'order');
  }
});

border('a node that has proved its name says hello by no log of another node', () => {
  const { border: one, say } = guarded();
  const said = { ...helloOf(originOf(2)), nodeId: 'node9' };
  one.opened(1, HERE, null, { nodeId: said.nodeId });
  assert.is(faultIn(say(1, encodeMessage(said))), 'order');
  one.opened(2, HERE, null, { nodeId: said.nodeId });
  const own = { ...said, origin: 'node9.aaaaaa' };
  assert.is(say(2, encodeMessage(own)).kind, 'message');
});

border('a URL that only its peer names proves nothing', () => {
  const { greet, say } = guarded();
  for (let count = 0; count < 3; count++) {
    greet(count, 'evil.aaaaaa', HERE, `http://10.0.0.1:${count}`);
    say(count, broken);
  }
  assert.is(greet(4, 'evil.aaaaaa', HERE, 'http://10.0.0.1:9').kind, 'refused');
});

border('a new node at a configured URL is let in beside a stranger at its address', () => {
  const { greet, say } = guarded();
  for (let count = 0; count < 3; count++) {
    greet(count, `evil${count}.aaaaaa`);
    say(count, broken);
  }
  assert.is(greet(4, 'new.aaaaaa').kind, 'refused');
  assert.is(greet(5, 'new.aaaaaa', HERE, THERE).kind, 'message');
});

border('with new names at one address no stranger from there is let in, and members are', () => {
  const { greet, say } = guarded();
  let count = 0;
  for (; greet(count, `evil${count}.aaaaaa`).kind === 'message'; count++) say(count, broken);
  assert.is(count, 3);
  assert.is(greet(5, 'other.aaaaaa').kind, 'refused');
  assert.is(greet(6, originOf(2)).kind, 'message');
  assert.is(greet(7, 'other.aaaaaa', '10.0.0.2').kind, 'message');
});

border('before a hello the address pays', () => {
  const { border: one, greet, say } = guarded();
  for (let count = 0; count < 3; count++) {
    one.opened(count, HERE, null);
    say(count, 'GET / HTTP/1.1');
  }
  assert.match(one.refusals()[0]?.name ?? '', /^Somebody at 10\.0\.0\.1 who is no member$/);
  assert.is(greet(5, 'evil.aaaaaa').kind, 'refused');
  assert.is(greet(6, originOf(2)).kind, 'message');
});

border('with a refusal all connections of its peer end, and those of nobody else', () => {
  const { greet, say, ended } = guarded();
  greet(1, 'evil.aaaaaa');
  greet(2, originOf(2));
  for (let count = 3; count < 6; count++) {
    greet(count, 'evil.aaaaaa');
    say(count, broken);
  }
  assert.ok(ended.includes(1));
  assert.not.ok(ended.includes(2));
});

border('a peer that is refused pays nothing for coming again', () => {
  const { border: one, greet, say } = guarded();
  for (let count = 0; count < 3; count++) {
    greet(count, 'evil.aaaaaa');
    say(count, broken);
  }
  for (let count = 3; count < 100; count++) assert.is(greet(count, 'evil.aaaaaa').kind, 'refused');
  assert.is(one.faults.form, 3);
});

border('a text of no connection is a fault that is counted for nobody', () => {
  const { border: one, say } = guarded();
  const text = encodeMessage({ type: 'next', part: 1 });
  assert.is(faultIn(say(9, text)), 'order');
  assert.is(one.faults.order, 0);
});

border(
  'a text that begins with no type of the protocol is a fault of its form, whenever it comes',
  () => {
    for (const text of ['[]', '', '{"type":"nonsense"}', '{"type":"toString"}', '{"x":1}']) {
      const { border: one, say, greet } = guarded();
      one.opened(1, HERE, null);
      assert.is(faultIn(say(1, text)), 'form', `${text} before the hello`);
      greet(2, originOf(2));
      assert.is(faultIn(say(2, text)), 'form', `${text} after it`);
    }
  },
);

border('a malformed text is told of by its own fault', () => {
  const { say, greet } = guarded();
  greet(1, originOf(2));
  const input = say(1, '{"type":"next","part":-1}');
  assert.match(input.kind === 'malformed' ? input.reason : '', /malformed message: part: /);
});

border('an error is no hello, and other messages need not name what a peer has proved', () => {
  const { border: one, say } = guarded();
  const next = encodeMessage({ type: 'next', part: 1 });
  one.opened(1, HERE, null);
  say(1, encodeMessage({ type: 'error', code: 'clock', reason: 'it is ahead' }));
  assert.is(faultIn(say(1, next)), 'order');
  one.opened(2, HERE, null, { nodeId: 'node2' });
  say(2, encodeMessage(helloOf(originOf(2))));
  assert.is(say(2, next).kind, 'message');
});

border.run();
