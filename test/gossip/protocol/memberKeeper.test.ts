/** Members whose log is gone for good, as another origin of the same node shows. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reportOf } from '../../../src/rules/certificate.ts';
import { memberValue } from '../../../src/rules/members.ts';
import {
  digestOf,
  emptyAnswer,
  NOW,
  ofKind,
  originOf,
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
  readonly nodeIdOfNew?: string;
  readonly connected?: readonly string[];
  readonly meshLimit?: number;
}

/** A member that is ready, beside the old and the new origin of a node. */
function cluster({
  own = OWN,
  urlOfNew = URL,
  nodeIdOfNew = 'node2',
  connected = [],
  meshLimit = 8,
}: Cluster): TestCore {
  const core = testCore({ origin: own, settings: { meshLimit } });
  const { members } = core.view;
  for (const [seq, key, value] of [
    [1, OLD, memberValue('node2', URL)],
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

urls('a node that has not joined dials no member of the part of a log that it holds', () => {
  const { view, pass } = testCore({ joined: false });
  view.members.fold(membership({ key: OLD, value: memberValue('node2', URL) }));
  assert.equal(ofKind(pass(2000), 'dial'), []);
});

urls.run();
