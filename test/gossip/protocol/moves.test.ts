/** Members that are heard through others, and members that move (rule 8). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressBook } from '../../../src/gossip/protocol/addressBook.ts';
import type { Hello } from '../../../src/gossip/protocol/messages.ts';
import { Members, memberValue } from '../../../src/rules/members.ts';
import { digestOf, ofKind, originOf, type TestCore, testCore } from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const [OWN, SECOND, THIRD, FOURTH] = [originOf(1), originOf(2), originOf(3), originOf(4)];
const NEW: Partial<Hello> = { protocol: [1, 2] };

const silence = suite('a member that only others hear');

/** A ready node that hears two of its three fellow members for a minute. @returns whom it retires. */
function retiredBy(hello: Partial<Hello>, unheard: readonly string[]): string[] {
  const settings = { memberTimeoutMs: 30_000, hearingMs: 5000, url: 'http://one' };
  const node: TestCore = testCore({ others: [SECOND, THIRD, FOURTH], settings });
  node.greet(2, { ...hello, origin: SECOND });
  node.greet(3, { ...hello, origin: THIRD });
  const retired = new Set<string>();
  for (let ms = 0; ms < 60_000; ms += 500) {
    node.clock.nowMs += 500;
    const digest = { ...digestOf(node.view, { clock: node.clock.nowMs }), unheard };
    for (const connection of [2, 3]) node.receive(connection, { type: 'digest', digest });
    for (const { origin } of ofKind(node.tick(), 'retire')) retired.add(origin);
  }
  return [...retired];
}

silence('is not retired for its silence here: only the link to it is broken', () => {
  assert.equal(retiredBy(NEW, []), []);
});

silence('is retired once the others do not hear it either', () => {
  assert.equal(retiredBy(NEW, [FOURTH]), [FOURTH]);
});

silence('is retired as before where the others, of protocol 1, do not tell', () => {
  assert.equal(retiredBy({ protocol: [1, 1] }, []), [FOURTH]);
});

silence('a digest names the members that its sender has not heard itself', () => {
  const node = testCore({ others: [SECOND, THIRD] });
  node.greet(2, { origin: SECOND });
  assert.equal(node.core.digestFor(2, node.clock.nowMs).unheard, [THIRD]);
  node.greet(3, { origin: THIRD });
  assert.is(node.core.digestFor(2, node.clock.nowMs).unheard, undefined);
});

silence('a member is heard until its last message is as old as the hearing time', () => {
  const node = testCore({ others: [SECOND], settings: { hearingMs: 5000 } });
  node.greet(2, { origin: SECOND });
  const unheardAfter = (ms: number) => {
    node.clock.nowMs += ms;
    node.tick();
    return node.core.digestFor(2, node.clock.nowMs).unheard;
  };
  assert.is(unheardAfter(4999), undefined);
  assert.equal(unheardAfter(1), [SECOND]);
});

silence.run();

const moves = suite('a member under another name or URL');

const join = (seq: number, nodeId: string, url: string) =>
  membership({ key: SECOND, seq, hlc: seq, value: memberValue(nodeId, url) });

moves('its latest join counts, in whatever order they come', () => {
  const [old, now] = [join(1, 'before', 'http://old'), join(2, 'after', 'http://new')];
  for (const ops of [
    [old, now],
    [now, old],
  ]) {
    const members = new Members();
    for (const op of ops) members.fold(op);
    assert.equal(members.get(SECOND), { origin: SECOND, nodeId: 'after', url: 'http://new' });
    assert.equal(members.namesOf(SECOND), ['before', 'after']);
    assert.is(members.size, 1);
  }
});

moves('a node that is ready says so itself, once it differs from its join', () => {
  const ready = (url: string | null): TestCore => {
    const node = testCore({ settings: { url } });
    node.clock.nowMs += 10_000;
    assert.is(ofKind(node.tick(), 'ready').length, 1);
    node.clock.nowMs += 1000;
    return node;
  };
  const [announced] = ofKind(ready('http://new').tick(), 'announce');
  assert.is(announced?.value, memberValue('node1', 'http://new'));
  const known = ready('http://new');
  known.view.members.fold(
    membership({ key: OWN, hlc: 2 ** 51, value: memberValue('node1', 'http://new') }),
  );
  assert.equal(ofKind(known.tick(), 'announce'), []);
  assert.equal(ofKind(ready(null).tick(), 'announce'), []);
});

const dialling = { firstRedialMs: 100, maxRedialMs: 3000, maxMembers: 64 };
const urlsOf = (book: AddressBook): string[] => Array.from(book.all, ({ url }) => url);

moves('its old URL is dialled no longer, unless it is configured', () => {
  const book = new AddressBook(['http://configured'], dialling);
  book.addMember('http://configured', SECOND);
  book.addMember('http://old', SECOND);
  book.addMember('http://new', SECOND);
  assert.equal(urlsOf(book), ['http://configured', 'http://new']);
});

moves('a URL of a peer that never became a member is forgotten after failed dials', () => {
  const book = new AddressBook(['http://configured'], dialling);
  book.addMember('http://stranger', THIRD);
  book.addMember('http://member', SECOND);
  const fail = (): void => {
    for (const url of urlsOf(book)) book.failed(url, 'gone', false, 0, { state: 1 });
    book.forgetStrangers((origin) => origin === SECOND);
  };
  for (let failures = 1; failures < 8; failures++) fail();
  assert.is(urlsOf(book).length, 3);
  fail();
  assert.equal(urlsOf(book), ['http://configured', 'http://member']);
});

moves.run();
