import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressBook } from '../../../src/gossip/protocol/addressBook.ts';
import type { PeerStatus } from '../../../src/gossip/protocol/peerStatus.ts';
import { peerStatus } from '../../../src/gossip/protocol/peerStatus.ts';
import { Peers } from '../../../src/gossip/protocol/peers.ts';
import { seeded } from '../../../src/words/random.ts';
import { digestWith, helloOf, NOW, originOf, testCore } from '../../support/cores.ts';

const [OWN, SECOND, THIRD] = [originOf(1), originOf(2), originOf(3)];
const URL = 'http://two';

const rows = suite('what is told of peers');

interface Cluster {
  readonly peers: Peers;
  readonly book: AddressBook;
  readonly vector: Map<string, number>;
  /** Connects a peer that holds so much, or was not heard yet. */
  connect(origin: string, seqs: Readonly<Record<string, number>> | null, dialledUrl?: string): void;
  told(forked?: readonly string[]): PeerStatus[];
}

function clusterOf(...urls: string[]): Cluster {
  const peers = new Peers();
  const book = new AddressBook(urls, { firstRedialMs: 100, maxRedialMs: 3000, maxMembers: 64 });
  const { view } = testCore({ origin: OWN });
  return {
    peers,
    book,
    vector: view.vector,
    connect(origin, seqs, dialledUrl) {
      const connection = peers.size + 1;
      const peer = peers.open(connection, dialledUrl ?? null, 0);
      peer.greets(helloOf(origin, { url: `http://${origin}` }));
      if (seqs !== null)
        peer.digestCame(
          {
            digest: digestWith(view, seqs),
            exact: true,
            isEmpty: false,
            retiredDiffer: false,
            lackedClosed: null,
            hasUnknownPair: false,
            lacksClosings: false,
          },
          false,
          40,
        );
      peers.heard(peer, 40);
    },
    told: (forked = []) => peerStatus(view, peers, book, new Set(forked), (ms) => NOW + ms),
  };
}

rows('a peer that has said hello is connected, with what either side lacks', () => {
  const cluster = clusterOf();
  cluster.vector.set(OWN, 5).set(SECOND, 2);
  cluster.connect(SECOND, { [OWN]: 3, [SECOND]: 9 });
  assert.equal(cluster.told(), [
    {
      nodeId: 'node2',
      origin: SECOND,
      url: `http://${SECOND}`,
      state: 'connected',
      reason: null,
      peerLacksOps: 2,
      weLackOps: 7,
      confirmedSeq: 3,
      lastHeardAt: NOW + 40,
      agrees: null,
    },
  ]);
});

rows('before its first digest nothing is known of what either side lacks', () => {
  const cluster = clusterOf();
  cluster.connect(SECOND, null);
  const [row] = cluster.told();
  assert.equal([row?.peerLacksOps, row?.weLackOps, row?.state], [null, null, 'connected']);
  assert.is(row?.confirmedSeq, null);
});

rows('forked origins are not counted: no two nodes need to hold the same of them', () => {
  const cluster = clusterOf();
  cluster.vector.set(OWN, 5).set(THIRD, 8);
  cluster.connect(SECOND, { [OWN]: 5, [THIRD]: 1 });
  assert.is(cluster.told()[0]?.peerLacksOps, 7);
  assert.is(cluster.told([THIRD])[0]?.peerLacksOps, 0);
});

rows('the URL that we dialled is told before the one that the peer names', () => {
  const cluster = clusterOf(URL);
  cluster.connect(SECOND, null, URL);
  assert.is(cluster.told()[0]?.url, URL);
});

rows('a URL is connecting until its first failure, then unreachable, or refused', () => {
  const cluster = clusterOf(URL);
  assert.equal([cluster.told()[0]?.state, cluster.told()[0]?.reason], ['connecting', null]);
  cluster.book.failed(URL, 'nobody is there', false, 0, seeded(1));
  assert.equal(
    [cluster.told()[0]?.state, cluster.told()[0]?.reason],
    ['unreachable', 'nobody is there'],
  );
  cluster.book.failed(URL, 'another cluster', true, 0, seeded(1));
  assert.equal(
    [cluster.told()[0]?.state, cluster.told()[0]?.reason],
    ['refused', 'another cluster'],
  );
});

rows('one that was heard before tells when, and one that was not tells null', () => {
  const cluster = clusterOf(URL, 'http://three');
  cluster.connect(SECOND, null, URL);
  cluster.book.greeted(URL, SECOND, 'node2');
  cluster.peers.delete(1);
  cluster.book.lost(SECOND, 'the connection ended', 0);
  const told = cluster.told();
  assert.equal(
    told.map(({ origin, lastHeardAt }) => [origin, lastHeardAt]),
    [
      [SECOND, NOW + 40],
      [null, null],
    ],
  );
});

rows('a peer is told once, and this node itself not at all', () => {
  const cluster = clusterOf(URL, 'http://one', 'http://other-name-of-two');
  cluster.book.isSelf('http://one', 0);
  cluster.connect(SECOND, null, URL);
  cluster.book.greeted(URL, SECOND, 'node2');
  cluster.book.greeted('http://other-name-of-two', SECOND, 'node2');
  cluster.book.failed('http://other-name-of-two', 'a second socket', false, 0, seeded(1));
  assert.equal(
    cluster.told().map(({ origin }) => origin),
    [SECOND],
  );
});

rows.run();
