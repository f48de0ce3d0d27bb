/** The judgement on a cluster: which nodes are there, and which agree. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ClusterStatus, judge } from '../../../src/cli/overview/clusterStatus.ts';
import { readSamples } from '../../../src/cli/overview/metricsText.ts';
import type { NodeReport } from '../../../src/cli/overview/nodeReport.ts';
import { figuresOf } from '../../../src/cli/overview/nodeReport.ts';
import type { Observation } from '../../../src/cli/overview/observation.ts';
import { ratesBetween } from '../../../src/cli/overview/rates.ts';
import { settled } from '../../../src/cli/overview/status.ts';
import { statusJson, statusLines, topLines } from '../../../src/cli/overview/statusText.ts';
import { plainText } from '../../../src/cli/terminal/color.ts';
import { widthOf } from '../../../src/cli/terminal/width.ts';
import { member, NOW_MS, observation, originOf, peer, report, vector } from './observations.ts';

const status = suite('cluster status');

const NAMES = ['node1', 'node2', 'node3'];
const OPS = { node1: 3, node2: 2 };

/** Three nodes that agree, some of them changed. */
function three(changes: Readonly<Record<string, Partial<NodeReport>>> = {}): NodeReport[] {
  return NAMES.map((name) =>
    report(
      name,
      OPS,
      NAMES.filter((other) => other !== name),
      changes[name],
    ),
  );
}

const agreements = ({ nodes }: ClusterStatus): string[] => nodes.map(({ agrees }) => agrees);
const states = ({ nodes }: ClusterStatus): string[] => nodes.map(({ state }) => state);

status('nodes that hold the same agree, and there is no fault', () => {
  const now = observation(three());
  const judged = judge(now, now);
  assert.equal(agreements(judged), ['yes', 'yes', 'yes']);
  assert.equal(judged.faults, []);
});

status(
  'a node that lacks ops of the earlier look is behind, and one that lacks newer ops is not',
  () => {
    const earlier = observation(three());
    const ahead = { vector: vector({ node1: 9, node2: 2 }), mapSum: 'newer' };
    const growing = judge(earlier, observation(three({ node1: ahead })));
    assert.equal(agreements(growing), ['yes', 'yes', 'yes']);
    assert.equal(
      growing.nodes.map(({ behindOps }) => behindOps),
      [0, 6, 6],
    );
    assert.equal(growing.faults, []);
    const late = observation(three({ node3: { vector: vector({ node1: 1, node2: 2 }) } }));
    const judged = judge(earlier, late);
    assert.equal(agreements(judged), ['yes', 'yes', 'behind']);
    assert.equal(judged.faults, ['node3 has not got 2 ops that another node holds.']);
  },
);

status('the same ops with another map are a disagreement of both', () => {
  const now = observation(three({ node2: { mapSum: 'other' } }).slice(0, 2));
  assert.equal(agreements(judge(now, now)).slice(0, 2), ['no', 'no']);
  const told = observation(
    three({ node1: { peers: [peer('node2', { agrees: false }), peer('node3')] } }),
  );
  assert.equal(agreements(judge(told, told)), ['no', 'no', 'yes']);
});

status('sums that leave out other expiries are not compared', () => {
  const later = { mapSum: 'other', mapSumAsOf: new Date(NOW_MS + 60_000).toISOString() };
  const now = observation(three({ node2: later }));
  assert.equal(judge(now, now).faults, []);
});

status('an origin that one node has closed makes no difference', () => {
  const withClosed = { vector: vector({ ...OPS, gone: 7 }) };
  const same = observation(three({ node1: withClosed }));
  assert.equal(judge(same, same).faults, []);
  const other = observation(three({ node1: { ...withClosed, mapSum: 'other' } }));
  assert.equal(agreements(judge(other, other)), ['no', 'no', 'no']);
});

status('a node that nobody hears is missing, since it was last heard', () => {
  const cut = [peer('node2'), peer('node3', { state: 'unreachable', reason: 'refused' })];
  const [one, two] = three({ node1: { peers: cut }, node2: { peers: [peer('node1')] } });
  assert.ok(one && two);
  const now = observation([one, two], { 'http://node3:8000': 'connect ECONNREFUSED' });
  const judged = judge(now, now);
  assert.equal(states(judged), ['ok', 'ok', 'missing']);
  assert.equal(judged.faults, [
    'node3 is missing: no node hears it since 2026-11-26T11:59:00Z (connect ECONNREFUSED).',
  ]);
});

status('a node that others hear and that can not be asked is a fault with a remedy', () => {
  const [one, two] = three();
  assert.ok(one && two);
  const now = observation([one, two], { 'http://node3:8000': 'no answer' });
  const judged = judge(now, now);
  assert.equal(states(judged), ['ok', 'ok', 'heard']);
  assert.equal(judged.faults, [
    "node3 can't be asked at http://node3:8000 (no answer), though node1 hears it: if it can be reached elsewhere, add that URL.",
  ]);
});

status('a node that others hear at a URL that has no address here is told, and is no fault', () => {
  const [one, two] = three();
  assert.ok(one && two);
  const url = 'http://node3:8000';
  const now = observation([one, two], { [url]: 'ENOTFOUND' }, NOW_MS, [url]);
  const judged = judge(now, now);
  assert.equal(states(judged), ['ok', 'ok', 'heard']);
  assert.equal(agreements(judged), ['yes', 'yes', 'yes']);
  assert.equal(judged.faults, []);
  assert.equal(judged.notes, [
    'node3 was not asked, because http://node3:8000 has no address here; node1 hears it. Add a URL of it that works here to --url.',
  ]);
  assert.equal(JSON.parse(statusJson(judged)).notes, judged.notes);
  const silent = { peers: [peer('node1')] };
  const [alone, other] = three({ node1: { peers: [peer('node2')] }, node2: silent });
  assert.ok(alone && other);
  const missing = observation([alone, other], { [url]: 'ENOTFOUND' }, NOW_MS, [url]);
  assert.equal(states(judge(missing, missing)), ['ok', 'ok', 'missing']);
  assert.is(judge(missing, missing).faults.length, 1);
});

status('beyond a full mesh a node is heard by a round too', () => {
  const url = 'http://node3:8000';
  const seen = (isHeard: boolean): ClusterStatus => {
    const members = [member('node1', OPS), { ...member('node3', OPS), isHeard }];
    const far = report('node1', OPS, [], { members, ring: { broken: [] } });
    const now = observation([far], { [url]: 'ENOTFOUND' }, NOW_MS, [url]);
    return judge(now, now);
  };
  assert.equal(states(seen(true)), ['ok', 'heard']);
  assert.equal(seen(true).faults, []);
  assert.equal(states(seen(false)), ['ok', 'missing']);
});

status('nodes that are there and do not hear each other are told', () => {
  const cut = {
    peers: [peer('node1'), peer('node3', { state: 'unreachable', reason: 'timed out' })],
  };
  const now = observation(three({ node2: cut }));
  assert.equal(judge(now, now).faults, ['node2 does not hear node3: timed out.']);
});

status('beyond a full mesh only the broken links of the ring are told', () => {
  const ringTo = (...nodeIds: string[]) => ({
    broken: nodeIds.map((nodeId) => ({ nodeId, origin: originOf(nodeId), reason: 'timed out' })),
  });
  const few = { peers: [peer('node1')], ring: ringTo() };
  const well = observation(three({ node2: few, node3: few }));
  assert.equal(judge(well, well).faults, []);
  const broken = {
    peers: [peer('node1'), peer('node3', { state: 'unreachable', reason: 'timed out' })],
  };
  const now = observation(three({ node2: { ...broken, ring: ringTo('node3') }, node3: few }));
  assert.equal(judge(now, now).faults, ['node2 does not hear node3: timed out.']);
});

status('a node that the settings name and that never came is missing', () => {
  const awaited = peer('', {
    nodeId: null,
    origin: null,
    url: 'http://node4:8000',
    state: 'unreachable',
  });
  const now = observation(three({ node1: { peers: [peer('node2'), peer('node3'), awaited] } }));
  const judged = judge(now, now);
  assert.equal(states(judged), ['missing', 'ok', 'ok', 'ok']);
  assert.match(judged.faults[0] ?? '', /^The node at http:\/\/node4:8000 is missing/);
});

status('a node that is in no cluster yet is shown with its own faults', () => {
  const unjoined = {
    clusterId: null,
    members: [],
    health: { status: 'failing', reasons: ['Its clock is refused.'] },
    peers: NAMES.map((name) => peer(name, { state: 'refused', reason: 'the clock' })),
  } as const;
  const alone = observation([report('node4', {}, [], unjoined)]);
  const judged = judge(alone, alone);
  const names = judged.nodes.map(({ nodeId, state }) => `${nodeId} ${state}`);
  assert.equal(names, ['node1 missing', 'node2 missing', 'node3 missing', 'node4 failing']);
  assert.is(judged.faults.at(-1), 'node4: Its clock is refused.');
  const beside = observation([report('node4', {}, [], unjoined), ...three()]);
  assert.is(judge(beside, beside).clusterId, '0123456789abcdef');
  assert.equal(judge(beside, beside).faults, [
    'node4: Its clock is refused.',
    'node4 is in no cluster yet.',
  ]);
});

status('nodes are in the order of their names, with numbers by their value', () => {
  const names = ['node10', 'node2', 'node1'];
  const now = observation([report('node10', OPS, ['node2', 'node1'])]);
  assert.equal(
    judge(now, now).nodes.map(({ nodeId }) => nodeId),
    names.toReversed(),
  );
});

status('a node tells its own faults, and that it is in another cluster', () => {
  const now = observation(
    three({
      node1: { health: { status: 'degraded', reasons: ['The disk is full.'] } },
      node3: { clusterId: 'another' },
    }),
  );
  assert.equal(judge(now, now).faults, [
    'node1: The disk is full.',
    'node3 is in another cluster, another.',
  ]);
});

const METRICS = `# HELP x y
hearsay_build_info{version="1.2.3",node_version="v24"} 1
process_start_time_seconds ${NOW_MS / 1000 - 90}
process_resident_memory_bytes 1048576
hearsay_map_entries 7
hearsay_map_dead_entries 2
hearsay_http_requests_total{route="/cache/:key",method="GET",status="200"} 5
hearsay_http_requests_total{route="/cache",method="GET",status="200"} 2
hearsay_http_requests_total{route="/_cluster",method="GET",status="200"} 50
hearsay_http_requests_total{route="/cache/:key",method="PUT",status="409"} 3
hearsay_peer_lag_seconds{peer="node2"} 1.5
odd{peer="a\\"b\\nc"} +Inf
`;

status('figures come from the metrics of a node', () => {
  const samples = readSamples(METRICS);
  assert.equal(samples.get('odd'), [
    { labels: { peer: 'a"b\nc' }, value: Number.POSITIVE_INFINITY },
  ]);
  const figures = figuresOf(samples, NOW_MS);
  assert.is(figures.version, '1.2.3');
  assert.is(figures.entries, 5, 'dead entries are no keys');
  assert.is(figures.reads, 7);
  assert.is(figures.conflicts, 3);
  assert.is(figures.watchers, null);
  assert.is(figures.peerLagMs.get('node2'), 1500);
  const now = observation(three({ node1: { figures } }));
  assert.equal(
    judge(now, now).nodes.map(({ lagMs }) => lagMs),
    [null, 1500, null],
  );
});

status(
  'a node is up for as long as its own clock says, however wrong the clock of the asker is',
  () => {
    const samples = readSamples(METRICS);
    for (const askedAtMs of [NOW_MS, NOW_MS - 3_600_000, NOW_MS + 3_600_000]) {
      const figures = figuresOf(samples, NOW_MS);
      const now = observation(three({ node1: { figures } }), {}, askedAtMs);
      const [, , line = []] = statusLines(judge(now, now), null);
      assert.match(plainText(line), / 1m30s +1\.2\.3 /);
    }
    assert.is(figuresOf(samples, null).upMs, null, 'nobody knows the clock of the node');
  },
);

status('rates are of the time between two looks, and of none after a restart', () => {
  const figures = figuresOf(readSamples(METRICS), NOW_MS);
  const earlier = observation(three({ node1: { figures }, node2: { figures } }), {}, NOW_MS - 2000);
  const restarted = { ...figures, startedAtMs: NOW_MS, reads: 99 };
  const now = observation(
    three({
      node1: { figures: { ...figures, reads: 27 }, vector: vector({ node1: 7, node2: 2 }) },
      node2: { figures: restarted },
    }),
  );
  const rates = ratesBetween(earlier, now);
  assert.equal(rates.get(originOf('node1')), {
    writes: 2,
    reads: 10,
    conflicts: 0,
    processor: null,
  });
  assert.is(rates.get(originOf('node2'))?.reads, null);
  assert.is(ratesBetween(now, now).size, 0);
});

for (const columns of [40, 80, 120])
  status(`the tables keep to ${columns} columns`, () => {
    const figures = figuresOf(readSamples(METRICS), NOW_MS);
    const now = observation(
      three({
        node1: {
          figures,
          members: [...NAMES, 'a-node-with-a-long-name'].map((name) => member(name, OPS)),
        },
      }),
    );
    const judged = judge(now, now);
    assert.ok(judged.faults.length > 0);
    for (const lines of [statusLines(judged, columns), topLines(judged, new Map(), columns)])
      for (const line of lines) assert.ok(widthOf(plainText(line)) <= columns, plainText(line));
  });

status('the table of a usual terminal shows the whole URLs of nodes of one machine', () => {
  const url = 'http://localhost:12345';
  const figures = figuresOf(readSamples(METRICS), NOW_MS);
  const now = observation(three({ node1: { url, figures } }));
  const lines = statusLines(judge(now, now), 80).map(plainText);
  assert.ok(
    lines.some((line) => line.endsWith(url)),
    lines.join('\n'),
  );
});

status('top tells who holds collection back once that member is silent for 10 s', () => {
  const shown = (silentMs: number, aheadMs = 0): string => {
    const reporting = (clockMs: number) => {
      const lastHeardAt = new Date(clockMs - silentMs).toISOString();
      const members = NAMES.map((name) => ({ ...member(name, OPS), lastHeardAt }));
      const holding = members.map((one) => ({ ...one, holdsBack: one.nodeId === 'node3' }));
      return { clockMs, members: holding };
    };
    const reports = three({ node1: reporting(NOW_MS), node2: reporting(NOW_MS + aheadMs) });
    const now = observation(reports.slice(0, 2));
    const lines = topLines(judge(now, now), new Map(), 120).map(plainText);
    return lines.find((line) => line.startsWith('node3 '))?.trimEnd() ?? '';
  };
  assert.not.match(shown(9000), /yes, /);
  assert.match(shown(12_000), /yes, 12s$/);
  const hourMs = 3_600_000;
  for (const aheadMs of [hourMs, -hourMs])
    assert.match(shown(12_000, aheadMs), /yes, 12s$/, 'each node counts by its own clock');
});

/** Gives one observation after the other, and the last again. */
function observing(...all: readonly Observation[]): {
  readonly observe: () => Promise<Observation>;
} {
  let at = -1;
  return {
    observe: async () => {
      at = Math.min(at + 1, all.length - 1);
      return all[at] as Observation;
    },
  };
}

status(
  'nodes that were asked one after another while writes went on are not called behind',
  async () => {
    const ahead = { vector: vector({ node1: 9, node2: 2 }) };
    const torn = observation(three({ node2: ahead }));
    const later = observation(three({ node1: ahead, node2: ahead, node3: ahead }));
    assert.equal(judge(torn, torn).faults.length, 2);
    assert.equal((await settled(observing(torn, later), 1)).faults, []);
    assert.equal((await settled(observing(torn), 1)).faults.length, 2);
  },
);

status('the JSON has the facts of the table', () => {
  const now = observation(three());
  const told = JSON.parse(statusJson(judge(now, now)));
  assert.is(told.ok, true);
  assert.equal(told.cluster, { name: 'hearsay', id: '0123456789abcdef' });
  assert.equal(Object.keys(told.nodes[0]).slice(0, 6), [
    'node',
    'origin',
    'url',
    'state',
    'agrees',
    'behind_ops',
  ]);
});

status.run();
