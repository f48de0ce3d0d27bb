/** The page's own rules, without a browser. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cluster, Peer } from '../../src/page/api/answers.ts';
import {
  holdBacksOf,
  isOutOfSight,
  isSilent,
  pictureOf,
  type Report,
} from '../../src/page/words/clusterPicture.ts';
import { diffLines, kindOf, laidOut, typedParts } from '../../src/page/words/jsonText.ts';
import { historyOf, momentAt, momentsOf } from '../../src/page/words/keyHistory.ts';
import { branchOf, longer, MOST_ROWS, rowsOf } from '../../src/page/words/keyTree.ts';
import { basesOf, type Learned, learn, NOTHING_LEARNED } from '../../src/page/words/knownNodes.ts';
import {
  comparedText,
  fileNameOf,
  previewOf,
  rawBytesOf,
  rawText,
} from '../../src/page/words/rawBytes.ts';
import { rawParts } from '../../src/words/rawValue.ts';
import type { Row } from '../../src/words/row.ts';

const words = suite('words of the page');

words('a value is laid out without a change of a digit', () => {
  assert.is(
    laidOut('{"a":[1.50,12345678901234567890],"b":{}}'),
    '{\n  "a": [\n    1.50,\n    12345678901234567890\n  ],\n  "b": {}\n}',
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(JSON.parse(laidOut(JSON.stringify(value))), JSON.parse(JSON.stringify(value)));
      assert.is(laidOut(JSON.stringify(value)), laidOut(JSON.stringify(value, null, 3)));
    }),
  );
});

words('a difference gives both texts back', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
  fc.assert(
    fc.property(lines, lines, (a, b) => {
      const diff = diffLines(a.join('\n'), b.join('\n'));
      const side = (without: string) =>
        diff.flatMap(({ kind, text }) => (kind === without ? [] : [text])).join('\n');
      assert.is(side('added'), a.join('\n'));
      assert.is(side('removed'), b.join('\n'));
    }),
  );
});

words('the type of a value and of its parts is told', () => {
  assert.is(kindOf(' [1]'), 'list');
  assert.is(kindOf('-1'), 'number');
  assert.equal(typedParts({ values: { at: ['Date'], 'b.c': [['custom', 'X']] } }), [
    { path: 'at', type: 'Date' },
    { path: 'b.c', type: 'custom' },
  ]);
  assert.equal(typedParts('nothing'), []);
});

words('a tree shows what is open, in order, and never more than its bound', () => {
  const entry = (key: string) => ({ key, version: 1, expires_at: null });
  const root = branchOf({ entries: [entry('b')], prefixes: ['a/'], next: 'b' });
  const open = branchOf({ entries: [entry('a/1')], next: null });
  const shown = rowsOf(
    new Map([
      ['', root],
      ['a/', open],
    ]),
    '',
  ).map((row) =>
    row.kind === 'key' ? row.entry.key : row.kind === 'folder' ? row.prefix : row.kind,
  );
  assert.equal(shown, ['a/', 'a/1', 'b', 'more']);
  const further = longer(root, { entries: [entry('c')], prefixes: ['a/'], next: null });
  assert.equal(further.prefixes, ['a/']);
  const many = Array.from({ length: MOST_ROWS * 2 }, (_, index) => entry(`k${index}`));
  assert.is(rowsOf(new Map([['', branchOf({ entries: many, next: null })]]), '').length, MOST_ROWS);
});

const peer = (origin: string, state: Peer['state']): Peer => ({
  node: origin,
  origin,
  url: null,
  state,
  reason: null,
  peer_lacks_ops: 0,
  we_lack_ops: 0,
  last_heard_at: null,
  agrees: null,
});

const reportOf = (name: string, sum: string, peers: readonly Peer[], seq = 1): Report => ({
  base: `http://${name}`,
  figures: null,
  fault: null,
  cluster: {
    node: name,
    origin: name,
    cluster: { name: 'c', id: 'id' },
    vector: { n1: seq },
    map_sum: { sum, as_of: 'then' },
    peers,
    members: ['n1', 'n2', 'n3'].map((origin) => ({
      node: origin,
      origin,
      url: null,
      last_heard_at: null,
      behind_ops: 0,
      holds_back: false,
    })),
  } satisfies Cluster,
});

words(
  'a link is cut if one of its ends says so, and a node that gives no answer is not reached',
  () => {
    const both = [peer('n2', 'connected'), peer('n3', 'unreachable')];
    const { nodes, links } = pictureOf([
      reportOf('n1', 'x', both),
      reportOf('n2', 'x', [peer('n1', 'connected'), peer('n3', 'connected')]),
    ]);
    assert.equal(
      links.map(({ state }) => state),
      ['connected', 'cut', 'connected'],
    );
    assert.equal(
      nodes.map(({ report }) => report !== null),
      [true, true, false],
    );
  },
);

words('a node that the page can not ask is silent only if no other hears it', () => {
  const { nodes, links } = pictureOf([
    reportOf('n1', 'x', [peer('n2', 'connected'), peer('n3', 'unreachable')]),
  ]);
  assert.equal(nodes.map(isOutOfSight), [false, true, false]);
  assert.equal(nodes.map(isSilent), [false, false, true]);
  assert.equal(
    links.map(({ state }) => state),
    ['connected', 'cut', 'unknown'],
  );
});

words('beyond a full mesh only a link that the ring needs is shown as cut', () => {
  const within = (name: string, peers: readonly Peer[], broken: readonly string[]): Report => {
    const { cluster, ...report } = reportOf(name, 'x', peers);
    if (cluster === null) throw new Error('There is no answer.');
    const ring = { broken: broken.map((origin) => ({ origin })) };
    return { ...report, cluster: { ...cluster, ring } };
  };
  const linksOf = (...reports: readonly Report[]) =>
    pictureOf(reports).links.map(({ from, to, state }) => `${from}-${to} ${state}`);
  const second = within('n2', [peer('n1', 'connected')], []);
  const first = [peer('n2', 'connected'), peer('n3', 'unreachable')];
  assert.equal(linksOf(within('n1', first, []), second), ['0-1 connected']);
  assert.equal(linksOf(within('n1', first, ['n3']), second), ['0-1 connected', '0-2 cut']);
  assert.equal(linksOf(second), ['0-1 connected'], 'nothing is known of the others');
  const heardBy = (heard: boolean) => {
    const { cluster, ...report } = second;
    const members = cluster?.members.map((member) => ({ ...member, heard })) ?? [];
    const { nodes } = pictureOf([{ ...report, cluster: cluster && { ...cluster, members } }]);
    return nodes.map((node) => node.heardBy.length);
  };
  assert.equal(heardBy(false), [1, 0, 0]);
  assert.equal(heardBy(true), [1, 1, 1], 'rounds tell of those that have no link');
});

words('nodes are in the order of their names, with numbers by their value', () => {
  const { cluster, ...report } = reportOf('n2', 'x', []);
  if (cluster === null) throw new Error('There is no answer.');
  const [member] = cluster.members;
  if (member === undefined) throw new Error('There is no member.');
  const members = ['n10', 'n2'].map((node) => ({ ...member, node, origin: node }));
  const { nodes } = pictureOf([{ ...report, cluster: { ...cluster, members } }]);
  assert.equal(
    nodes.map(({ name }) => name),
    ['n2', 'n10'],
  );
});

words('a member holds collection back once it is silent for 10 s, and is named', () => {
  const now = Date.UTC(2026, 10, 27);
  const heldBack = (silentMs: number | null, ring: Cluster['ring'] = null) => {
    const { cluster, ...report } = reportOf('n1', 'x', []);
    assert.ok(cluster);
    const heardAt = silentMs === null ? null : new Date(now - silentMs).toISOString();
    const members = cluster.members.map((member) => ({
      ...member,
      last_heard_at: heardAt,
      holds_back: member.node === 'n3',
    }));
    return holdBacksOf([{ ...report, cluster: { ...cluster, ring, members } }], now);
  };
  assert.equal(heldBack(9000), []);
  assert.equal(heldBack(12_000), [{ node: 'n3', silentMs: 12_000, behindOps: 0 }]);
  assert.equal(heldBack(12_000, { broken: [] }), [], 'a member that rounds tell of');
  assert.is(heldBack(32_000, { broken: [] }).length, 1);
  assert.equal(heldBack(null), [{ node: 'n3', silentMs: null, behindOps: 0 }]);
});

words(
  'each node is asked at one address, also if it names another than the one that was opened',
  () => {
    const others = [1, 2, 3].map((at) => ({ origin: `n${at}`, url: `http://localhost:${at}/` }));
    const learning = (...answers: readonly string[]): Learned =>
      answers.reduce(
        (known, node) => learn(known, 'http://127.0.0.1:1', node, others),
        NOTHING_LEARNED,
      );
    assert.equal(basesOf(learning('n1', 'n1'), 'http://127.0.0.1:1'), [
      'http://127.0.0.1:1',
      'http://localhost:2',
      'http://localhost:3',
    ]);
    assert.is(basesOf(learning('n1', 'n2'), 'http://127.0.0.1:1').length, 4);
    assert.equal(basesOf(NOTHING_LEARNED, 'http://a:1'), ['http://a:1']);
    const awaited = learn(NOTHING_LEARNED, 'http://a:1', 'n1', [
      { origin: null, url: 'http://b:1' },
    ]);
    const relayed = learn(learning('n1'), 'http://localhost:2', 'n2', [
      { origin: 'n3', url: 'http://relay:3' },
    ]);
    assert.is(basesOf(relayed, 'http://127.0.0.1:1').length, 3);
    assert.equal(basesOf(awaited, 'http://a:1'), ['http://a:1', 'http://b:1']);
  },
);

words(
  'nodes with the same ops and another map disagree, and those that lag are not compared',
  () => {
    const agree = (a: Report, b: Report) => pictureOf([a, b]).nodes.map(({ agrees }) => agrees);
    assert.equal(agree(reportOf('n1', 'x', []), reportOf('n2', 'x', [])), [true, true, null]);
    assert.equal(agree(reportOf('n1', 'x', []), reportOf('n2', 'y', [])), [false, false, null]);
    const lagging = pictureOf([reportOf('n1', 'x', [], 5), reportOf('n2', 'y', [], 2)]).nodes;
    assert.equal(lagging.map(({ agrees, lagOps }) => [agrees, lagOps]).slice(0, 2), [
      [null, 0],
      [null, 3],
    ]);
  },
);

const row = (
  lsn: number,
  committedAt: number,
  expiresAt: number | null,
  won = true,
  value = { version: lsn, value: '1' },
): Row => ({
  lsn,
  committedAt,
  won,
  op: {
    origin: 'n1',
    seq: lsn,
    hlc: lsn,
    kind: 'put',
    key: 'k',
    generation: 0,
    expiresAt,
    meta: null,
    hashHigh: 0,
    hashLow: 0,
    ...value,
  },
});

words('the moments of a key are its winning ops and its expiries', () => {
  const moments = momentsOf([row(1, 10, 20), row(2, 15, null, false), row(3, 30, 40)], 50);
  assert.equal(
    moments.map(({ atMs, isExpiry }) => [atMs, isExpiry]),
    [
      [10, false],
      [20, true],
      [30, false],
      [40, true],
    ],
  );
  const at = (ms: number) => momentAt(moments, ms)?.atMs ?? null;
  assert.equal([9, 10, 19, 20, 29, 99].map(at), [null, 10, 10, 20, 20, 40]);
});

words(
  'raw bytes are those that the node stored, and a JSON value that looks like them is none',
  () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000 }), (given) => {
        const bytes = Uint8Array.from(given);
        const type = 'image/png';
        const { value, meta } = rawParts({ bytes: Buffer.from(bytes), type });
        assert.equal(rawBytesOf(value, JSON.parse(meta ?? 'null')), { bytes, type });
        assert.is(rawText({ bytes, type }), value);
        assert.is(rawBytesOf(value, null), null);
      }),
      { numRuns: 20 },
    );
    for (const value of [
      'null',
      '7',
      '{"bytes":"AA==","type":"none"}',
      '{"bytes":"%","type":"a/b"}',
    ])
      assert.is(rawBytesOf(value, 'bytes'), null, value);
  },
);

const rawOf = (type: string, bytes: readonly number[] | string) => ({
  type,
  bytes: Uint8Array.from(typeof bytes === 'string' ? Buffer.from(bytes) : bytes),
});

words(
  'raw bytes are shown as a picture by their type, as a text if they are one, else as numbers',
  () => {
    assert.equal(previewOf(rawOf('image/png', [0])), { kind: 'picture' });
    assert.equal(previewOf(rawOf('application/yaml', 'a: ü\n')), { kind: 'text', text: 'a: ü\n' });
    for (const bytes of [[0xff], [0, 65], [65, 0x1b]])
      assert.is(previewOf(rawOf('text/plain', bytes)).kind, 'bytes', String(bytes));
    assert.equal(previewOf(rawOf('a/b', [0, 65, 255])), {
      kind: 'bytes',
      text: `0000  00 41 ff${' '.repeat(39)}  .A.`,
      isCut: false,
    });
    const long = previewOf(rawOf('a/b', new Array(257).fill(0)));
    assert.ok(long.kind === 'bytes' && long.isCut && long.text.split('\n').length === 16);
  },
);

words(
  'two values are compared by lines: JSON laid out, bytes by their type, size and preview',
  () => {
    assert.is(comparedText('{"a":1}', null), laidOut('{"a":1}'));
    assert.is(comparedText(rawText(rawOf('text/plain', 'hi')), 'bytes'), 'text/plain, 2 B\nhi');
  },
);

words('a file of raw bytes is named by the end of its key and by its type', () => {
  assert.is(fileNameOf('pictures/cat', 'image/jpeg; q=1'), 'cat.jpg');
  assert.is(fileNameOf('pictures/cat.png', 'image/webp'), 'cat.png');
  assert.is(fileNameOf('a:b/..', 'application/x-protobuf'), 'value.bin');
  assert.is(fileNameOf('a b\u0000c', 'image/webp'), 'a_b_c.webp');
});

words('a touch is told as one, and a put of another value or version is not', () => {
  const [a, b] = [
    { version: 1, value: '"a"' },
    { version: 1, value: '"b"' },
  ];
  const next = { version: 2, value: '"b"' };
  const rows = [a, a, b, b, next].map((value, index) => row(index, index, null, true, value));
  assert.equal(
    historyOf([{ node: 'one', rows }]).map(({ isTouch }) => isTouch),
    [false, true, false, true, false],
  );
});

words.run();
