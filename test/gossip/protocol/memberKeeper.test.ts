/** Members whose log is gone for good, as another origin of the same node shows. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HEARD_BY_ROUND_MS } from '../../../src/gossip/protocol/roundTimes.ts';
import { reportOf } from '../../../src/rules/certificate.ts';
import { Members, memberValue } from '../../../src/rules/members.ts';
import { successorOf } from '../../../src/rules/ring.ts';
import {
  digestOf,
  emptyAnswer,
  NOW,
  ofKind,
  originOf,
  sent,
  type TestCore,
  type TestCoreOptions,
  testCore,
} from '../../support/cores.ts';
import { membership } from '../../support/ops.ts';

const replaced = suite('members that were replaced (rule 8)');

const OWN = originOf(1);
const [OLD, NEW] = ['node2.aaaaaa', 'node2.bbbbbb'];
const URL = 'http://two';

interface Cluster {
  readonly own?: string;
  readonly urlOfNew?: string | null;
  readonly urlOfOld?: string | null;
  readonly nodeIdOfNew?: string;
  readonly connected?: readonly string[];
  readonly meshLimit?: number;
}

/** A member that is ready, beside the old and the new origin of a node. */
function cluster({
  own = OWN,
  urlOfNew = URL,
  urlOfOld = URL,
  nodeIdOfNew = 'node2',
  connected = [],
  meshLimit = 8,
}: Cluster): TestCore {
  const core = testCore({ origin: own, settings: { meshLimit } });
  const { members } = core.view;
  for (const [seq, key, value] of [
    [1, OLD, memberValue('node2', urlOfOld)],
    [2, NEW, memberValue(nodeIdOfNew, urlOfNew)],
  ] as const)
    members.fold(membership({ seq, key, value }));
  for (const [connection, origin] of connected.entries()) catchUp(core, connection, origin);
  return core;
}

/** The peer answers that it holds no more than we do. */
function catchUp(
  { greet, receive, step, view }: TestCore,
  connection: number,
  origin: string,
): void {
  greet(connection, { origin });
  receive(connection, emptyAnswer(digestOf(view), false, 1));
  const outcome = { kind: 'applied', ops: 0 } as const;
  step({ kind: 'taken', connection, outcome, pull: 1, more: false });
}

/** Ticks until the join timeout is over, so that the node may write. @returns whom it retires. */
function retiredBy({ tick, clock }: TestCore): string[] {
  const retired = new Set<string>();
  for (let ticks = 0; ticks < 30; ticks++) {
    clock.nowMs += 500;
    for (const { origin } of ofKind(tick(), 'retire')) retired.add(origin);
  }
  return [...retired];
}

for (const [rule, situation, retired] of [
  ['the old origin goes where the new one is connected', { connected: [NEW] }, [OLD]],
  ['nobody goes while neither is connected', {}, []],
  ['nobody goes while both are: two nodes bear one URL', { connected: [OLD, NEW] }, []],
  ['not where the new one has another URL', { connected: [NEW], urlOfNew: 'http://three' }, []],
  ['not where the URL is not known', { connected: [NEW], urlOfNew: null }, []],
  [
    'not where neither names a URL: two nodes may bear one name',
    { connected: [NEW], urlOfNew: null, urlOfOld: null },
    [],
  ],
  ['not where another node took its URL', { connected: [NEW], nodeIdOfNew: 'node3' }, []],
  [
    'only the smallest of those that are connected does it',
    { own: 'node3.cccccc', connected: [NEW] },
    [],
  ],
] as const)
  replaced(rule, () => {
    assert.equal(retiredBy(cluster(situation)), retired);
  });

/** Beyond a full mesh: a member whose only link leads to a third one, and the members that a round has found. */
function retiredAfterRound(own: string, found: readonly string[]): string[] {
  const third = 'node3.cccccc';
  const core = cluster({ own, meshLimit: 2 });
  const named = [OWN, third].filter((key) => key !== own);
  for (const [index, key] of named.entries())
    core.view.members.fold(membership({ seq: 3 + index, key, value: memberValue(key, null) }));
  catchUp(core, 0, third);
  retiredBy(core);
  const report = reportOf(third, new Map(), NOW);
  const members = new Set([...report.members, ...found]);
  core.receive(0, { type: 'certificate', id: 'a', report: { ...report, members } });
  return retiredBy(core);
}

replaced(
  'beyond a full mesh the smallest that is heard does it, also without a link to the new one',
  () => {
    assert.equal(retiredAfterRound(OWN, [NEW]), [OLD]);
    assert.equal(retiredAfterRound(OWN, [NEW, OLD]), []);
    assert.equal(retiredAfterRound(OWN, [OLD]), [], 'the next life is not heard yet');
    assert.equal(retiredAfterRound('node4.dddddd', [NEW]), []);
    assert.equal(retiredAfterRound('node4.dddddd', [NEW, OWN]), []);
  },
);

replaced(
  'a member that has formed a cluster of its own under its origin goes, unless it is heard',
  () => {
    const core = cluster({ connected: [NEW] });
    const elsewhere = { origin: NEW, clusterId: 'another', size: 2 };
    core.tick();
    assert.is(core.core.phase, 'ready');
    assert.equal(ofKind(core.greet(7, elsewhere), 'retire'), []);
    core.clock.nowMs += 15_000;
    assert.equal(
      ofKind(core.greet(8, elsewhere), 'retire').map(({ origin }) => origin),
      [NEW],
    );
  },
);

replaced.run();

const lone = suite('a log that counts no other member (rule 9)');

const MEMBER_TIMEOUT_MS = 100_000;
/** The time between two moves of the stable vector. */
const STABLE_MS = 500;

/** A node that alone is a member by its log, and whose settings name another one. */
function loner(options: TestCoreOptions = {}): TestCore {
  const settings = { urls: [URL], memberTimeoutMs: MEMBER_TIMEOUT_MS, joinTimeoutMs: 5000 };
  const node = testCore({ settings, ...options });
  node.view.deadEntries = 1;
  return node;
}

/** @returns whether anything becomes stable within so many seconds. */
function collects(node: TestCore, seconds = 20): boolean {
  let isCollecting = false;
  for (let ticks = 0; ticks < seconds; ticks++) {
    node.clock.nowMs += 1000;
    if (ofKind(node.tick(), 'collect').length > 0) isCollecting = true;
  }
  return isCollecting;
}

lone('collects nothing while an address does not answer, and no longer than member-timeout', () => {
  const node = loner();
  assert.not(collects(node, MEMBER_TIMEOUT_MS / 1000 - 1));
  assert.ok(collects(node));
});

lone('collects from the member timeout on', () => {
  const node = loner();
  assert.equal(ofKind(node.pass(MEMBER_TIMEOUT_MS - 1), 'collect'), []);
  node.clock.nowMs += STABLE_MS;
  assert.is(ofKind(node.tick(), 'collect').length, 1);
  const late = loner();
  late.clock.nowMs += MEMBER_TIMEOUT_MS;
  assert.is(ofKind(late.tick(), 'collect').length, 1);
});

lone('collects at once if no other address is known', () => {
  assert.ok(collects(loner({ settings: { urls: [] } })));
});

lone('collects once a node answers that has not joined', () => {
  const node = loner();
  node.greet(1, { origin: NEW, url: URL, joined: false, clusterId: null }, URL);
  assert.ok(collects(node));
});

lone('collects nothing while a joined node answers that it does not count', () => {
  const node = loner();
  node.greet(1, { origin: NEW, url: URL }, URL);
  assert.not(collects(node));
});

lone('collects at once in a cluster that it has just formed', () => {
  const node = loner({ joined: false });
  node.step({ kind: 'joined' });
  node.view.members.fold(membership({ key: OWN }));
  Object.assign(node.view, { joined: true });
  assert.ok(collects(node));
});

/** The seqs of this node's own ops that become stable, where it logs one more before each tick. */
function stableSeqs(deadEntries: number, stepMs: number, ticks: number): number[] {
  const node = loner({ settings: { urls: [] } });
  node.view.deadEntries = deadEntries;
  return Array.from({ length: ticks }, (_one, index) => {
    node.clock.nowMs += stepMs;
    node.view.vector.set(OWN, index + 1);
    const [collect] = ofKind(node.tick(), 'collect');
    if (collect !== undefined) node.view.stable = collect.stable;
    return collect?.stable.vector.get(OWN) ?? 0;
  });
}

lone('what is stable moves twice a second at most, with dead entries to collect', () => {
  assert.equal(stableSeqs(1, 250, 5), [1, 0, 3, 0, 5]);
  assert.equal(stableSeqs(1, 499, 3), [1, 0, 3]);
});

lone('without any it moves each ten seconds, and only if something has been logged', () => {
  assert.equal(stableSeqs(0, 5000, 6), [0, 2, 0, 4, 0, 6]);
  assert.equal(stableSeqs(0, 9999, 3), [0, 2, 0]);
  const node = loner({ settings: { urls: [] } });
  node.view.deadEntries = 0;
  node.view.stable = { vector: new Map([[OWN, 1]]), clock: 1 };
  assert.equal(ofKind(node.pass(30_000), 'collect'), []);
});

lone.run();

const urls = suite('URLs of members');

urls('a member whose URL nobody can dial is told of once, and is not dialled', () => {
  const { view, tick, clock } = testCore({ origin: OWN });
  const value = JSON.stringify({ nodeId: 'node2', url: 'node2:8000' });
  view.members.fold(membership({ seq: 1, key: OLD, value }));
  const texts: string[] = [];
  for (let ticks = 0; ticks < 10; ticks++) {
    clock.nowMs += 500;
    const outputs = tick();
    assert.equal(ofKind(outputs, 'dial'), []);
    texts.push(...ofKind(outputs, 'note').map(({ text }) => text));
  }
  const told = texts.filter((text) => /URL that nobody can dial/.test(text));
  assert.is(told.length, 1);
  assert.match(told[0] ?? '', /^node2\.aaaaaa joined with/);
});

urls(
  'neither this node itself is dialled nor a member without a URL, whatever its join says',
  () => {
    const { view, pass } = testCore({ settings: { url: 'http://new' }, others: [NEW] });
    const value = memberValue('node1', 'http://old');
    view.members.fold(membership({ key: OWN, hlc: 2_000_000, value }));
    assert.equal(ofKind(pass(3000), 'dial'), []);
  },
);

urls('a member that says a better URL meanwhile is not told of', () => {
  const { view, greet, pass } = testCore({ origin: OWN });
  const value = JSON.stringify({ nodeId: 'node2', url: 'node2:8000' });
  view.members.fold(membership({ seq: 1, key: OLD, value }));
  greet(1, { origin: OLD, url: URL });
  assert.not.match(JSON.stringify(ofKind(pass(3000), 'note')), /nobody can dial/);
});

urls('a node that has not joined dials no member of the part of a log that it holds', () => {
  const { view, pass } = testCore({ joined: false });
  view.members.fold(membership({ key: OLD, value: memberValue('node2', URL) }));
  assert.equal(ofKind(pass(2000), 'dial'), []);
});

urls.run();

const work = suite('the regular work of a member');

work('only retired peers that have joined are told to rejoin, every five seconds', () => {
  const node = testCore({ others: [OLD, originOf(3), originOf(4)] });
  node.greet(1, { origin: OLD });
  node.greet(3, { origin: originOf(3) });
  node.greet(4, { origin: originOf(4), joined: false });
  for (const [seq, key] of [OLD, originOf(4)].entries())
    node.view.members.fold(membership({ key, seq: 9 + seq, kind: 'retire' }));
  const told = sent(node.pass(9000), 'rejoin').map(({ connection }) => connection);
  assert.equal(told, [1, 1]);
});

work('a member that starts tells nobody its new name yet, nor who is gone', () => {
  const node = testCore({ others: [originOf(3)], settings: { url: URL, memberTimeoutMs: 500 } });
  node.greet(3, { origin: originOf(3) });
  const outputs = node.pass(3000);
  assert.is(node.core.phase, 'starting');
  assert.equal(ofKind(outputs, 'announce'), []);
});

work('a node that is no member by its own log announces nothing', () => {
  const node = testCore({ settings: { url: URL } });
  node.view.members = new Members();
  node.view.members.fold(membership({ key: OLD }));
  assert.equal(ofKind(node.pass(12_000), 'announce'), []);
  assert.is(node.core.phase, 'ready');
});

work.run();

const silence = suite('silent members (rule 8)');

interface Silence {
  readonly own?: string;
  readonly heard?: readonly string[];
  readonly silent?: readonly string[];
  readonly meshLimit?: number;
  readonly memberTimeoutMs?: number;
  /** Whether it hears the others in the second that ends then; always where it is not said. */
  readonly hearsAt?: (second: number) => boolean;
}

/** A ready member that hears some of the others each second, and never the silent ones. @returns the times of retirement. */
function retirements(
  {
    own = OWN,
    heard = [originOf(3), originOf(4)],
    silent = [originOf(5)],
    meshLimit = 64,
    memberTimeoutMs = 30_000,
    hearsAt = () => true,
  }: Silence,
  forMs: number,
): [string, number][] {
  const settings = { meshLimit, memberTimeoutMs, joinTimeoutMs: 0 };
  const node = testCore({ origin: own, others: [...heard, ...silent], settings });
  node.tick();
  assert.is(node.core.phase, 'ready');
  for (const [connection, origin] of heard.entries()) node.greet(connection, { origin });
  const startedAt = node.clock.nowMs;
  const retired: [string, number][] = [];
  while (node.clock.nowMs < startedAt + forMs) {
    node.clock.nowMs += 1000;
    if (hearsAt((node.clock.nowMs - startedAt) / 1000))
      for (const [connection] of heard.entries()) node.receive(connection, { type: 'later' });
    for (const { origin } of ofKind(node.tick(), 'retire'))
      if (!retired.some(([one]) => one === origin))
        retired.push([origin, node.clock.nowMs - startedAt]);
  }
  return retired;
}

silence('the smallest member that is heard retires, from the member timeout on', () => {
  assert.equal(retirements({}, 40_000), [[originOf(5), 30_000]]);
  assert.equal(retirements({ own: originOf(9) }, 40_000), []);
});

silence('nobody is retired once the others have not been heard for the hearing time', () => {
  const pair = { heard: [originOf(3)], silent: [originOf(5)] };
  const retiredAt = (lastSecond: number) =>
    retirements({ ...pair, hearsAt: (second) => second <= lastSecond }, 40_000);
  assert.equal(retiredAt(15), []);
  assert.equal(retiredAt(16), [[originOf(5), 30_000]]);
});

silence(
  'a break without a majority that is longer than the hearing time begins the wait anew',
  () => {
    const pair = { heard: [originOf(3)], silent: [originOf(5)] };
    // Its last word at 10 s counts up to the look at 24 s.
    const retiredAt = (again: number) =>
      retirements({ ...pair, hearsAt: (second) => second <= 10 || second >= again }, 80_000);
    assert.equal(retiredAt(39), [[originOf(5), 39_000]]);
    assert.equal(retiredAt(40), [[originOf(5), 70_000]]);
  },
);

silence('beyond a full mesh its next one on the ring does, once certificates are too old', () => {
  const members = [1, 3, 4, 5].map(originOf);
  const gone = originOf(5);
  const rest = members.filter((origin) => origin !== gone);
  const next = successorOf(gone, rest);
  for (const own of rest) {
    const heard = rest.filter((origin) => origin !== own);
    const times = retirements({ own, heard, silent: [gone], meshLimit: 3 }, 90_000);
    assert.equal(times, own === next ? [[gone, 2 * HEARD_BY_ROUND_MS]] : []);
  }
});

silence.run();
