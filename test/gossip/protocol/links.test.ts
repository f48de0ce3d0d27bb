/** Links beyond a full mesh: which addresses a node dials, and which connections it closes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Output } from '../../../src/gossip/protocol/inputOutput.ts';
import { MAX_LINKS } from '../../../src/rules/links.ts';
import { memberValue } from '../../../src/rules/members.ts';
import { inRingOrder, ringDistance } from '../../../src/rules/ring.ts';
import {
  digestOf,
  emptyAnswer,
  errorIn,
  ofKind,
  originOf,
  pulledFrom,
  sent,
  type TestCore,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const OWN = originOf(1);
const OTHERS = Array.from({ length: 30 }, (_one, index) => originOf(index + 2));
const urlOf = (origin: string): string => `http://${origin.slice(0, origin.indexOf('.'))}`;
const IN_RING_ORDER = inRingOrder(OWN, OTHERS);
/** Longer than a connection stays that is no link. */
const STAYED_MS = 11_000;

/** A member of 31, each with a URL. */
function member(meshLimit: number, others: readonly string[] = OTHERS): TestCore {
  const node = testCore({ origin: OWN, settings: { meshLimit, joinTimeoutMs: 1000 } });
  for (const [index, key] of others.entries())
    node.view.members.fold(
      membership({ seq: index + 1, key, value: memberValue(key.split('.')[0] ?? '', urlOf(key)) }),
    );
  return node;
}

/** By this seed a node visits a configured address for the first time after some 55 s. */
const LATE_VISIT = 29;
/** By this seed, of thirteen others, the link that is drawn anew after ten minutes is the same one again. */
const SAME_AGAIN = 3;

/** A member whose others name no URL, and are found at configured addresses. */
const memberByAddresses = (others: readonly string[], seed = LATE_VISIT): TestCore =>
  testCore({
    origin: OWN,
    others,
    seed,
    settings: { meshLimit: 8, joinTimeoutMs: 1000, urls: others.map(urlOf) },
  });

/** Ticks for a while, and every dial fails but those to `up`. @returns the URLs that were dialled. */
function dialled(
  node: TestCore,
  forMs: number,
  up: readonly string[] = [],
  named: typeof urlOf | null = urlOf,
): string[] {
  const urls: string[] = [];
  for (let passedMs = 0; passedMs < forMs; passedMs += 500) {
    node.clock.nowMs += 500;
    for (const { url } of ofKind(node.tick(), 'dial')) {
      urls.push(url);
      const origin = OTHERS.find((one) => urlOf(one) === url) ?? '';
      if (up.includes(origin)) met(node, origin, url, named?.(origin) ?? null);
      else node.step({ kind: 'dialFailed', url, reason: 'nobody answers' });
    }
  }
  return urls;
}

/** A member answers at the URL, and holds no more than the node. */
function met(node: TestCore, origin: string, dialledUrl: string, url: string | null): void {
  const connection = connectionOf(origin);
  node.greet(connection, { origin, url }, dialledUrl);
  node.receive(connection, emptyAnswer(digestOf(node.view), false, node.pullNumber(connection)));
  const outcome = { kind: 'applied', ops: 0 } as const;
  node.step({ kind: 'taken', connection, outcome, pull: node.pullNumber(connection), more: false });
}

const connectionOf = (origin: string): number => 100 + OTHERS.indexOf(origin);
const closedIn = (outputs: readonly Output[]): number[] =>
  ofKind(outputs, 'close').map(({ connection }) => connection);

const isConnected = (node: TestCore, name: string): boolean =>
  node.core.status().some(({ origin, state }) => origin === name && state === 'connected');

const links = suite('links (rule 8)');

links('up to the mesh limit a node dials every member', () => {
  assert.equal(new Set(dialled(member(31), 6000, OTHERS)), new Set(OTHERS.map(urlOf)));
});

links(
  'beyond it a node dials its successor and three others, and no more while they answer',
  () => {
    const node = member(8);
    const urls = dialled(node, 60_000, OTHERS);
    assert.is(new Set(urls).size, 4);
    assert.ok(urls.includes(urlOf(IN_RING_ORDER[0] ?? '')));
  },
);

links(
  'it dials on to the first member after it that answers, and goes on trying the nearer ones',
  () => {
    const node = member(8);
    const gone = IN_RING_ORDER.slice(0, 3);
    const up = IN_RING_ORDER.slice(3);
    dialled(node, 10_000, up);
    const connected = node.core.status().filter(({ state }) => state === 'connected');
    assert.ok(connected.some(({ origin }) => origin === up[0]));
    const later = new Set(dialled(node, 10_000, up));
    for (const one of gone) assert.ok(later.has(urlOf(one)));
  },
);

links('the ring shows the successor, and the members before it that do not answer', () => {
  assert.is(member(31).core.ring, null);
  const node = member(8);
  assert.is(node.core.ring?.successor, null);
  const gone = IN_RING_ORDER.slice(0, 2);
  dialled(node, 10_000, IN_RING_ORDER.slice(2));
  const broken = node.core.ring?.broken ?? [];
  assert.is(node.core.ring?.successor, IN_RING_ORDER[2]);
  assert.equal(
    broken.map(({ origin, url }) => [origin, url]),
    gone.map((origin) => [origin, urlOf(origin)]),
  );
  assert.ok(broken.every(({ reason }) => reason === 'nobody answers'));
  dialled(node, 10_000, IN_RING_ORDER);
  assert.equal(node.core.ring, { successor: IN_RING_ORDER[0], broken: [] });
});

links('who shows members that are no links shows them to nobody', () => {
  const node = member(8);
  dialled(node, 10_000, OTHERS);
  assert.is(node.core.status().length, 4);
});

links(
  'a visit carries no op, no round and one question, and is not dialled again when it ends',
  () => {
    const up = OTHERS.slice(0, 20);
    const node = memberByAddresses(up);
    dialled(node, 6000, up, null);
    for (let count = 0; count < 20; count++) {
      node.clock.nowMs += 1000;
      for (const connection of closedIn(node.tick()))
        node.step({ kind: 'closed', connection, reason: 'it was closed' });
    }
    let visited: string | undefined;
    for (let count = 0; count < 60 && visited === undefined; count++) {
      node.clock.nowMs += 1000;
      visited = ofKind(node.tick(), 'dial')[0]?.url;
    }
    const origin = up.find((one) => urlOf(one) === visited);
    assert.ok(visited !== undefined && origin !== undefined);
    const connection = connectionOf(origin);
    const greeted = node.greet(connection, { origin }, visited);
    assert.is(sent(greeted, 'prune').length, 1);
    assert.ok(pulledFrom(greeted).includes(connection));
    node.receive(connection, { type: 'unlike', re: node.pullNumber(connection) });
    assert.ok(node.core.spreadTargets(originOf(99), 1).lazy.includes(connection));
    const round = { type: 'round', timeMs: 5000, hops: 0 } as const;
    assert.equal(node.receive(connection, { ...round, id: 'a' }), [
      { kind: 'send', connection, message: { type: 'echo', id: 'a' } },
    ]);
    const link = up.find((one) => one !== origin && isConnected(node, one)) ?? '';
    const passed = sent(node.receive(connectionOf(link), { ...round, id: 'b' }), 'round');
    assert.ok(passed.length > 0);
    assert.not.ok(passed.some((one) => one.connection === connection));
    node.receive(connectionOf(link), { ...round, id: 'c', hops: 5 });
    assert.equal(
      node.receive(connection, { ...round, id: 'c', hops: 1 }),
      [{ kind: 'send', connection, message: { type: 'echo', id: 'c' } }],
      'nor does a way to the root lead over it',
    );
    const urls: string[] = [];
    for (let count = 0; count < 20; count++) {
      node.clock.nowMs += 1000;
      const outputs = node.tick();
      urls.push(...ofKind(outputs, 'dial').map(({ url }) => url));
      assert.not.ok(pulledFrom(outputs).includes(connection));
      for (const one of closedIn(outputs))
        node.step({ kind: 'closed', connection: one, reason: 'closed' });
    }
    assert.equal(urls, []);
  },
);

links('a connection that the node dialled and that is no link is closed after a while', () => {
  const node = member(31);
  dialled(node, 6000, OTHERS);
  node.view.members.fold(membership({ seq: 99, key: originOf(99), value: null }));
  const closed: number[] = [];
  for (let count = 0; count < 30; count++) {
    node.clock.nowMs += 1000;
    closed.push(...closedIn(node.tick()));
  }
  assert.is(new Set(closed).size, OTHERS.length - 4);
  assert.not.ok(closed.includes(connectionOf(IN_RING_ORDER[0] ?? '')));
});

links(
  'of those that dialled it, the nearest before it stay: the others are told that it is full',
  () => {
    const node = member(8);
    dialled(node, STAYED_MS);
    for (const origin of OTHERS) node.greet(connectionOf(origin), { origin, url: urlOf(origin) });
    node.greet(1, { origin: originOf(99), joined: false });
    node.open(2);
    node.clock.nowMs += 1000;
    const outputs = node.tick();
    assert.is(errorIn(outputs)?.code, 'full');
    const left = node.core
      .status()
      .filter(({ state, origin }) => state === 'connected' && OTHERS.includes(origin ?? ''));
    assert.ok(left.length <= MAX_LINKS, `${left.length} links`);
    const [predecessor] = [...OTHERS].sort((a, b) => ringDistance(a, OWN) - ringDistance(b, OWN));
    assert.ok(left.some(({ origin }) => origin === predecessor));
    const [successor] = IN_RING_ORDER;
    assert.ok(
      left.some(({ origin }) => origin === successor),
      'it has chosen that one itself',
    );
  },
);

links('who is told that a member is full looks for another one', () => {
  const node = member(8);
  dialled(node, 3000, OTHERS);
  const before = new Set(node.core.status().map(({ origin }) => origin));
  const full = [...before].find((origin) => origin !== IN_RING_ORDER[0]) ?? '';
  node.receive(connectionOf(full), { type: 'error', code: 'full', reason: 'it is full' });
  dialled(node, 3000, OTHERS);
  const after = node.core.status().map(({ origin }) => origin);
  assert.is(after.length, 4);
  assert.not.ok(after.includes(full));
  assert.ok(after.some((origin) => !before.has(origin)));
});

links(
  'members that name no URL are linked by the configured addresses at which they answered',
  () => {
    const up = OTHERS.slice(0, 20);
    const node = memberByAddresses(up);
    // Each address is tried once, and then only those of links.
    assert.equal(new Set(dialled(node, 6000, up, null)), new Set(up.map(urlOf)));
    for (let count = 0; count < 20; count++) {
      node.clock.nowMs += 1000;
      for (const connection of closedIn(node.tick()))
        node.step({ kind: 'closed', connection, reason: 'it was closed' });
    }
    const left = node.core.status().map(({ origin }) => origin);
    assert.is(left.length, 4);
    assert.ok(left.includes(inRingOrder(OWN, up)[0] ?? ''));
    assert.equal(dialled(node, 6000, up, null), []);
  },
);

links('a node of an older protocol is refused beyond the mesh limit, with the reason', () => {
  const old = { origin: originOf(2), protocol: [1, 5] as const };
  const outputs = member(8).greet(5, old);
  assert.is(errorIn(outputs)?.code, 'protocol');
  assert.match(errorIn(outputs)?.reason ?? '', /more than 8 members, which is mesh-limit, needs 6/);
  assert.is(errorIn(member(31).greet(5, old)), undefined);
});

links('it is refused too where it would be the first member beyond the limit', () => {
  const stranger = { origin: originOf(77), protocol: [1, 5] as const, joined: false };
  assert.is(errorIn(member(31).greet(5, stranger))?.code, 'protocol');
  assert.is(errorIn(member(32).greet(5, stranger)), undefined);
});

links('it is refused as well where it was connected before the cluster grew', () => {
  const node = member(31);
  node.greet(5, { origin: originOf(2), protocol: [1, 5] });
  dialled(node, 2000);
  node.view.members.fold(membership({ seq: 99, key: originOf(99), value: null }));
  node.clock.nowMs += 1000;
  assert.is(errorIn(node.tick())?.code, 'protocol');
});

links('where the cluster shrinks to the mesh limit every member is dialled again', () => {
  const node = member(30);
  assert.is(new Set(dialled(node, 6000, OTHERS)).size, 4);
  const gone = OTHERS.at(-1) ?? '';
  node.view.members.fold(membership({ key: gone, seq: 99, kind: 'retire' }));
  dialled(node, 6000, OTHERS);
  const connected = node.core.status().filter(({ state }) => state === 'connected');
  assert.ok(connected.length >= OTHERS.length - 1, `${connected.length} links`);
});

links('neither a link nor a member of a full mesh is pruned where it says hello', () => {
  for (const meshLimit of [8, 31]) {
    const node = member(meshLimit);
    dialled(node, 6000);
    assert.is(node.core.phase, 'ready');
    node.clock.nowMs += 60_000;
    const url = ofKind(node.tick(), 'dial')[0]?.url ?? '';
    const origin = OTHERS.find((one) => urlOf(one) === url) ?? '';
    assert.equal(sent(node.greet(1, { origin, url }, url), 'prune'), []);
  }
});

links('a member that starts closes none of its connections', () => {
  const urls = OTHERS.map(urlOf);
  const settings = { meshLimit: 8, joinTimeoutMs: 60_000, urls };
  const node = testCore({ origin: OWN, others: OTHERS, settings });
  node.tick();
  for (const origin of OTHERS) node.greet(connectionOf(origin), { origin }, urlOf(origin));
  const closed = closedIn(node.pass(2 * STAYED_MS));
  assert.is(node.core.phase, 'starting');
  assert.equal(closed, []);
});

links('configured addresses are dialled again and again where no member is linked', () => {
  const node = memberByAddresses(OTHERS);
  node.greet(1, { origin: originOf(99), joined: false });
  dialled(node, 2000);
  assert.equal(new Set(dialled(node, 12_000)), new Set(OTHERS.map(urlOf)));
});

links('beside a link each of them is tried once, to find members that name no URL', () => {
  const node = memberByAddresses(OTHERS);
  node.greet(1, { origin: OTHERS[0] ?? '' });
  assert.equal(new Set(dialled(node, 2000)), new Set(OTHERS.map(urlOf)));
  assert.equal(dialled(node, 20_000), []);
});

links('a link that breaks is dialled again, and no other one in its place', () => {
  const node = member(8);
  dialled(node, 6000, OTHERS);
  const [successor] = IN_RING_ORDER;
  const connection = connectionOf(successor ?? '');
  node.step({ kind: 'closed', connection, reason: 'it broke' });
  node.clock.nowMs += 1000;
  assert.equal(
    ofKind(node.tick(), 'dial').map(({ url }) => url),
    [urlOf(successor ?? '')],
  );
});

links('a member that did not answer is drawn again half a minute later', () => {
  const others = OTHERS.slice(0, 4);
  const node = member(3, others);
  const failing = inRingOrder(OWN, others)[3] ?? '';
  const up = others.filter((origin) => origin !== failing);
  const isDialled = (forMs: number): boolean => dialled(node, forMs, up).includes(urlOf(failing));
  assert.ok(isDialled(2000));
  assert.not(isDialled(27_000));
  assert.ok(isDialled(10_000));
});

links('a member that cannot be dialled is passed over', () => {
  const [unknown = '', next = ''] = IN_RING_ORDER;
  const node = member(
    8,
    OTHERS.filter((origin) => origin !== unknown),
  );
  node.view.members.fold(membership({ seq: 99, key: unknown, value: null }));
  assert.ok(dialled(node, 2000, OTHERS).includes(urlOf(next)));
});

/** Ticks once a second from the start on. @returns the outputs of the last tick. */
function seconds(node: TestCore, count: number): readonly Output[] {
  let outputs: readonly Output[] = [];
  for (let passed = 0; passed < count; passed++) {
    node.clock.nowMs += 1000;
    outputs = node.tick();
    for (const { url } of ofKind(outputs, 'dial')) {
      const origin = OTHERS.find((one) => urlOf(one) === url) ?? '';
      met(node, origin, url, urlOf(origin));
    }
    for (const connection of closedIn(outputs))
      node.step({ kind: 'closed', connection, reason: 'it was closed' });
  }
  return outputs;
}
const dialsIn = (outputs: readonly Output[]) => ofKind(outputs, 'dial').length;

links('one link is drawn anew each ten minutes', () => {
  const node = member(8);
  seconds(node, 599);
  assert.is(dialsIn(seconds(node, 1)), 1);
});

links('a configured address is visited each minute, for ten seconds', () => {
  const up = OTHERS.slice(0, 20);
  const node = memberByAddresses(up);
  seconds(node, 30);
  const dials = Array.from({ length: 180 }, () =>
    ofKind(seconds(node, 1), 'dial').map(({ url }) => url),
  );
  const visits = [...dials.entries()].filter(([_second, urls]) => urls.length > 0);
  assert.ok(visits.every(([_second, urls]) => urls.length === 1));
  const [[first] = [0], ...others] = visits;
  assert.equal(
    others.map(([second]) => second - first),
    [60, 120],
  );
});

links('beyond sixty members all of them together visit once a second', () => {
  const MEMBERS = 150;
  const up = OTHERS.slice(0, 20);
  const node = memberByAddresses(up);
  for (let count = 21; count < MEMBERS; count++) {
    const key = originOf(1000 + count);
    node.view.members.fold(membership({ seq: count, key, value: memberValue(key, null) }));
  }
  const visits: number[] = [];
  seconds(node, 30);
  for (let second = 0; second < 3 * MEMBERS; second++)
    if (dialsIn(seconds(node, 1)) > 0) visits.push(second);
  const [first = 0] = visits;
  assert.equal(visits, [first, first + MEMBERS, first + 2 * MEMBERS]);
});

links('a visit ends after ten seconds', () => {
  const node = memberByAddresses(OTHERS.slice(0, 20));
  let visited: string | undefined;
  seconds(node, 30);
  while (visited === undefined) visited = ofKind(seconds(node, 1), 'dial')[0]?.url;
  assert.equal(closedIn(seconds(node, 9)), []);
  const origin = OTHERS.find((one) => urlOf(one) === visited) ?? '';
  assert.equal(closedIn(seconds(node, 1)), [connectionOf(origin)]);
});

links('nodes that start together visit at moments of their own in the first minute', () => {
  const firstOf = (seed: number): number => {
    const node = memberByAddresses(OTHERS.slice(0, 20), seed);
    // The addresses are tried first.
    seconds(node, 3);
    for (let second = 3; ; second++) if (dialsIn(seconds(node, 1)) > 0) return second;
  };
  const firsts = Array.from({ length: 40 }, (_one, seed) => firstOf(seed));
  // While all addresses are connected, as in the first ten seconds here, there is none to visit.
  assert.ok(firsts.every((second) => second <= 71));
  for (const [from, to] of [
    [0, 20],
    [20, 40],
    [40, 62],
  ] as const)
    assert.ok(
      firsts.some((second) => second >= from && second < to),
      `${firsts}`,
    );
});

links('a visit begins also where the last one ends', () => {
  const node = memberByAddresses(OTHERS.slice(0, 20));
  let visited: string | undefined;
  seconds(node, 30);
  while (visited === undefined) visited = ofKind(seconds(node, 1), 'dial')[0]?.url;
  seconds(node, 50);
  const idle = OTHERS.slice(0, 20).find((origin) => !isConnected(node, origin)) ?? '';
  node.greet(connectionOf(idle), { origin: idle }, urlOf(idle));
  assert.equal(closedIn(seconds(node, 9)), []);
  const outputs = seconds(node, 1);
  assert.equal(closedIn(outputs), [connectionOf(idle)]);
  assert.is(dialsIn(outputs), 1);
});

/** Eight members dial the node, as many as it takes. */
function filled(node: TestCore, up: readonly string[], count = 8): void {
  const left = up.filter((origin) => !isConnected(node, origin));
  for (const origin of left.slice(0, count)) node.greet(1000 + OTHERS.indexOf(origin), { origin });
}
const linksOf = (node: TestCore): number =>
  node.core.status().filter(({ state }) => state === 'connected').length;

links(
  'a node that has all its links visits nobody until ten minutes after the visit was due; then one makes room',
  () => {
    const up = OTHERS.slice(0, 13);
    const node = memberByAddresses(up, SAME_AGAIN);
    seconds(node, 30);
    while (dialsIn(seconds(node, 1)) === 0);
    seconds(node, 20);
    filled(node, up);
    let sinceLast = 21;
    for (; dialsIn(seconds(node, 1)) === 0; sinceLast++) assert.is(linksOf(node), MAX_LINKS);
    assert.is(sinceLast, 60 + 600);
    seconds(node, 2);
    assert.is(linksOf(node), MAX_LINKS);
  },
);

links('a node that has not joined takes the place of no link', () => {
  const up = OTHERS.slice(0, 20);
  const node = memberByAddresses(up);
  seconds(node, 30);
  filled(node, up, 7);
  const fresh = { origin: 'fresh.aaaaaa', joined: false, clusterId: null };
  node.greet(2000, fresh);
  let second = 31;
  while (dialsIn(seconds(node, 1)) === 0) second++;
  assert.ok(second <= 60, `it visits an address after ${second} s`);
  assert.ok(isConnected(node, fresh.origin));
});

links('who dials a node while it visits one more than its links is told that it is full', () => {
  const up = OTHERS.slice(0, 20);
  const node = memberByAddresses(up);
  seconds(node, 30);
  while (dialsIn(seconds(node, 1)) === 0);
  filled(node, up);
  assert.is(linksOf(node), MAX_LINKS + 1);
  assert.is(errorIn(seconds(node, 1))?.code, 'full');
  assert.is(linksOf(node), MAX_LINKS);
});

links.run();
