import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressBook } from '../../../src/gossip/protocol/addressBook.ts';
import type { Hello } from '../../../src/gossip/protocol/messages.ts';
import type { Greeted } from '../../../src/gossip/protocol/peer.ts';
import { Peers } from '../../../src/gossip/protocol/peers.ts';
import { NO_PAST, type Past, Standing } from '../../../src/gossip/protocol/standing.ts';
import { nodeIdOf } from '../../../src/rules/members.ts';
import { seeded } from '../../../src/words/random.ts';
import { helloOf, originOf } from '../../support/cores.ts';

const [FIRST, OWN, THIRD] = [originOf(1), originOf(2), originOf(3)];
const URLS = { [FIRST]: 'http://one', [THIRD]: 'http://three' };
const JOIN_TIMEOUT_MS = 10_000;
const START = 1_000_000;

type AddressState = 'idle' | 'dialling' | 'failed' | 'connected' | 'self';

interface Situation {
  /** Configured URLs. */
  readonly addresses?: readonly (readonly [url: string, state: AddressState])[];
  /** Members with the URLs that they named. */
  readonly named?: readonly (readonly [origin: string, state: AddressState])[];
  readonly connected?: readonly (readonly [origin: string, isJoined: boolean])[];
  readonly caughtUpWith?: readonly string[];
  readonly others?: readonly string[];
  readonly afterMs: number;
}

function put(book: AddressBook, url: string, state: AddressState, origin: string): void {
  if (state === 'idle') return;
  if (state === 'self') {
    book.isSelf(url, 0);
    return;
  }
  const address = book.get(url);
  if (address !== undefined) address.state = 'dialling';
  if (state === 'failed') book.failed(url, 'nobody is there', false, START, seeded(1));
  if (state === 'connected') book.greeted(url, origin, 'node');
}

function bookOf({ addresses = [], named = [] }: Situation): AddressBook {
  const settings = { firstRedialMs: 100, maxRedialMs: 3000, maxMembers: 64 };
  const book = new AddressBook(
    addresses.map(([url]) => url),
    settings,
  );
  for (const [url, state] of addresses) put(book, url, state, originOf(9));
  for (const [origin, state] of named) {
    const url = URLS[origin] ?? '';
    book.addMember(url, origin);
    put(book, url, state, origin);
  }
  return book;
}

function peersOf({ connected = [] }: Situation): Greeted[] {
  const peers = new Peers();
  for (const [index, [origin, joined]] of connected.entries()) {
    peers.open(index, null, START).greets(helloOf(origin, { joined }));
  }
  return peers.greeted();
}

const startedAs = (joined: boolean, past: Past = NO_PAST): Standing =>
  new Standing({ joinTimeoutMs: JOIN_TIMEOUT_MS }, joined, START, past);

const ALONE: Past = { kind: 'alone', members: [] };
const WITH_OTHERS: Past = { kind: 'withOthers', members: [] };

const phases = suite('phases of a start (rule 8)');

phases('a fresh node is unjoined, and a member starts', () => {
  assert.is(startedAs(false).phase, 'unjoined');
  assert.is(startedAs(true).phase, 'starting');
});

phases.run();

const forming = suite('whether a fresh node forms the cluster (rule 8)');
const LATE = JOIN_TIMEOUT_MS;
const EARLY = JOIN_TIMEOUT_MS - 1;

const FORMING: readonly [rule: string, situation: Situation, forms: boolean][] = [
  ['alone by its settings it does so at once', { afterMs: 0 }, true],
  [
    'where all its URLs lead to itself it does so at once',
    { addresses: [['http://two', 'self']], afterMs: 0 },
    true,
  ],
  [
    'the smallest of fresh ones does so at once, where all that are configured answered',
    {
      addresses: [
        ['http://two', 'self'],
        ['http://three', 'connected'],
      ],
      connected: [[THIRD, false]],
      afterMs: 0,
    },
    true,
  ],
  [
    'the smallest waits for those that have not answered',
    {
      addresses: [
        ['http://three', 'connected'],
        ['http://four', 'failed'],
      ],
      connected: [[THIRD, false]],
      afterMs: EARLY,
    },
    false,
  ],
  [
    'the smallest does so once the join timeout is over',
    {
      addresses: [
        ['http://three', 'connected'],
        ['http://four', 'failed'],
      ],
      connected: [[THIRD, false]],
      afterMs: LATE,
    },
    true,
  ],
  [
    'where none answers it waits for the join timeout',
    { addresses: [['http://three', 'failed']], afterMs: EARLY },
    false,
  ],
  [
    'where none answers it does so once the join timeout is over',
    { addresses: [['http://three', 'dialling']], afterMs: LATE },
    true,
  ],
  [
    'one that is not the smallest leaves it to the smallest, however late',
    { addresses: [['http://one', 'connected']], connected: [[FIRST, false]], afterMs: 10 * LATE },
    false,
  ],
  [
    'who hears a member joins it, however late',
    { addresses: [['http://three', 'connected']], connected: [[THIRD, true]], afterMs: 10 * LATE },
    false,
  ],
];

for (const [rule, situation, forms] of FORMING)
  forming(rule, () => {
    const [peers, book] = [peersOf(situation), bookOf(situation)];
    assert.is(startedAs(false).forms(OWN, peers, book, START + situation.afterMs), forms);
  });

const RARELY: Situation = { addresses: [['http://three', 'failed']], afterMs: 0 };
const formsAt = (standing: Standing, nowMs: number): boolean => {
  standing.ticks(nowMs);
  return standing.forms(OWN, peersOf(RARELY), bookOf(RARELY), nowMs);
};

forming('the join timeout counts from the first tick: before it the node dials nobody', () => {
  const standing = startedAs(false);
  const firstTickMs = START + 7 * LATE;
  assert.not(formsAt(standing, firstTickMs));
  for (let afterMs = 250; afterMs < LATE; afterMs += 250)
    assert.not(formsAt(standing, firstTickMs + afterMs), `after ${afterMs} ms`);
  assert.ok(formsAt(standing, firstTickMs + LATE));
});

forming('the join timeout rests while the process does not run, for it hears nobody then', () => {
  const standing = startedAs(false);
  standing.ticks(START);
  const stoppedMs = 9 * LATE;
  // A quarter of a second of each pause counts.
  for (let turn = 1; turn * 250 < LATE; turn++)
    assert.not(formsAt(standing, START + turn * stoppedMs), `turn ${turn}`);
  assert.ok(formsAt(standing, START + (LATE / 250) * stoppedMs));
});

forming('after a rejoin: the wait beside others rests while the process does not run', () => {
  const standing = startedAs(false, WITH_OTHERS);
  const connected: Situation['connected'] = [[THIRD, false]];
  const formsWith = (peers: Situation['connected'], nowMs: number): boolean => {
    standing.ticks(nowMs);
    const situation: Situation = { ...(peers && { connected: peers }), afterMs: 0 };
    return standing.forms(OWN, peersOf(situation), bookOf(situation), nowMs);
  };
  let nowMs = START;
  // It hears nobody, and nothing rests.
  for (; nowMs <= START + 2 * LATE; nowMs += 250) assert.not(formsWith([], nowMs));
  nowMs += 9 * LATE;
  assert.not(formsWith(connected, nowMs));
  nowMs += 9 * LATE;
  assert.not(formsWith(connected, nowMs), 'a quarter of a second of the pause counts');
  for (let waitedMs = 500; waitedMs < LATE; waitedMs += 250) {
    nowMs += 250;
    assert.not(formsWith(connected, nowMs), `after ${waitedMs} ms`);
  }
  assert.ok(formsWith(connected, nowMs + 250));
});

forming('a member that was there is waited for anew when it is gone', () => {
  const standing = startedAs(false);
  const forms = (situation: Situation): boolean =>
    standing.forms(OWN, peersOf(situation), bookOf(situation), START + situation.afterMs);
  const addresses: Situation['addresses'] = [['http://three', 'failed']];
  assert.not(forms({ addresses, connected: [[THIRD, true]], afterMs: LATE }));
  assert.not(forms({ addresses, afterMs: LATE + EARLY }));
  assert.ok(forms({ addresses, afterMs: 2 * LATE }));
});

const PASTS: readonly [rule: string, past: Past, situation: Situation, forms: boolean][] = [
  ['one that was alone does not do so at once', ALONE, { afterMs: EARLY }, false],
  ['one that was alone does so after the join timeout', ALONE, { afterMs: LATE }, true],
  [
    'one of several waits for as long as it hears nobody',
    WITH_OTHERS,
    { afterMs: 9 * LATE },
    false,
  ],
  [
    'of several that all began anew the smallest does so, after the join timeout',
    WITH_OTHERS,
    { connected: [[THIRD, false]], afterMs: LATE },
    true,
  ],
  [
    'and not before',
    WITH_OTHERS,
    { addresses: [['http://three', 'connected']], connected: [[THIRD, false]], afterMs: EARLY },
    false,
  ],
];

for (const [rule, past, situation, forms] of PASTS)
  forming(`after a rejoin: ${rule}`, () => {
    const [peers, book] = [peersOf(situation), bookOf(situation)];
    const nowMs = START + situation.afterMs;
    const standing = startedAs(false, past);
    standing.forms(OWN, peers, book, START);
    assert.is(standing.forms(OWN, peers, book, nowMs), forms);
  });

forming('after a rejoin: one of several waits anew once others have begun anew as well', () => {
  const standing = startedAs(false, WITH_OTHERS);
  const formsWith = (connected: NonNullable<Situation['connected']>, nowMs: number): boolean => {
    const situation: Situation = { connected, afterMs: 0 };
    return standing.forms(OWN, peersOf(situation), bookOf(situation), nowMs);
  };
  const metAt = START + 9 * LATE;
  assert.not(formsWith([], metAt - 1));
  assert.not(formsWith([[THIRD, false]], metAt));
  assert.not(formsWith([[THIRD, false]], metAt + EARLY));
  assert.not(formsWith([], metAt + EARLY + 1));
  assert.not(formsWith([[THIRD, false]], metAt + EARLY + 2));
  assert.not(formsWith([[THIRD, false]], metAt + LATE));
  assert.ok(formsWith([[THIRD, false]], metAt + EARLY + 2 + LATE));
});

/** Members of the cluster that the node was in, by the names of their nodes. */
const wasWith = (...origins: readonly string[]): Past => ({
  kind: 'withOthers',
  members: origins.map((origin) => ({ origin, nodeId: nodeIdOf(origin), url: null })),
});

const AGAIN = 'node3.bbbbbb';

forming('after a rejoin: no cluster while a member of the old one may be left', () => {
  const standing = startedAs(false, wasWith(THIRD, originOf(4)));
  const formsWith = (connected: NonNullable<Situation['connected']>, nowMs: number): boolean => {
    const situation: Situation = { connected, afterMs: 0 };
    return standing.forms(OWN, peersOf(situation), bookOf(situation), nowMs);
  };
  assert.not(formsWith([[AGAIN, false]], START));
  assert.not(formsWith([[AGAIN, false]], START + 9 * LATE), 'node4 may be left');
  const all: NonNullable<Situation['connected']> = [
    [AGAIN, false],
    ['node4.bbbbbb', false],
  ];
  assert.ok(formsWith(all, START + 9 * LATE));
});

forming('after a rejoin: who bears the name or the URL of a member has begun anew as well', () => {
  const url = 'http://one';
  const named = { origin: FIRST, nodeId: 'another name', url };
  const standing = startedAs(false, {
    kind: 'withOthers',
    members: [named, ...wasWith(THIRD).members],
  });
  const leftBeside = (...hellos: readonly Partial<Hello>[]): string[] => {
    const peers = new Peers();
    for (const [index, fields] of hellos.entries())
      peers.open(index, null, START).greets(helloOf(`node${index + 5}.bbbbbb`, fields));
    return standing.mayBeLeft(peers.greeted()).map(({ origin }) => origin);
  };
  assert.equal(leftBeside(), [FIRST, THIRD]);
  assert.equal(leftBeside({ joined: false, nodeId: 'node3' }), [FIRST]);
  assert.equal(leftBeside({ joined: false, url }), [THIRD]);
  assert.equal(leftBeside({ joined: false, nodeId: 'node3' }, { joined: false, url }), []);
  assert.equal(leftBeside({ joined: true, nodeId: 'node3' }), [FIRST, THIRD], 'it is a member');
});

forming('nobody forms a cluster with a node that waits for members of its own', () => {
  const forms = (waits: boolean): boolean => {
    const peers = new Peers();
    peers.open(1, null, START).greets(helloOf(THIRD, { joined: false, ...(waits && { waits }) }));
    const book = bookOf({ addresses: [['http://three', 'connected']], afterMs: 0 });
    return startedAs(false).forms(OWN, peers.greeted(), book, START);
  };
  assert.ok(forms(false));
  assert.not(forms(true));
});

forming('a part of another log is given up when no member was heard for the join timeout', () => {
  const standing = startedAs(false);
  const isForsaken = (situation: Situation): boolean =>
    standing.isForsaken(peersOf(situation), START + situation.afterMs);
  assert.not(isForsaken({ afterMs: EARLY }));
  assert.not(isForsaken({ connected: [[THIRD, true]], afterMs: LATE }));
  assert.not(isForsaken({ connected: [[FIRST, false]], afterMs: LATE + EARLY }));
  assert.ok(isForsaken({ connected: [[FIRST, false]], afterMs: 2 * LATE }));
});

forming('one of several that hears nobody for the join timeout is lost, and says so', () => {
  const isLost = (past: Past, situation: Situation): boolean =>
    startedAs(false, past).isLost(peersOf(situation), START + situation.afterMs);
  assert.ok(isLost(WITH_OTHERS, { afterMs: LATE }));
  assert.not(isLost(WITH_OTHERS, { afterMs: EARLY }));
  assert.not(isLost(WITH_OTHERS, { connected: [[FIRST, false]], afterMs: LATE }));
  const fresh: Situation = { connected: [[AGAIN, false]], afterMs: LATE };
  assert.not(isLost(wasWith(THIRD), fresh));
  assert.ok(isLost(wasWith(THIRD, FIRST), fresh), 'another one may be left');
  assert.not(isLost(ALONE, { afterMs: LATE }));
});

forming.run();

const catchingUp = suite('whether a member that starts may write (rule 8)');

const STARTING: readonly [rule: string, situation: Situation, isCaughtUp: boolean][] = [
  ['the only member may at once', { others: [], afterMs: 0 }, true],
  [
    'the only member does not while a configured URL was not tried',
    { others: [], addresses: [['http://nine', 'dialling']], afterMs: EARLY },
    false,
  ],
  [
    'the only member may once nobody answers at any of them',
    { others: [], addresses: [['http://nine', 'failed']], afterMs: 0 },
    true,
  ],
  [
    'not beside somebody who has joined and is no member in its log: it may have lost the end of that',
    { others: [], connected: [[THIRD, true]], afterMs: EARLY },
    false,
  ],
  [
    'once it includes what such a one holds',
    { others: [], connected: [[THIRD, true]], caughtUpWith: [THIRD], afterMs: 0 },
    true,
  ],
  [
    'such a one holds it up to the join timeout only',
    { others: [], connected: [[THIRD, true]], afterMs: LATE },
    true,
  ],
  [
    'not while a configured URL was not tried: it may be a member that has not said so',
    {
      others: [FIRST],
      named: [[FIRST, 'connected']],
      connected: [[FIRST, true]],
      caughtUpWith: [FIRST],
      addresses: [['http://nine', 'dialling']],
      afterMs: EARLY,
    },
    false,
  ],
  [
    'a dial that does not end holds it up to the join timeout only',
    {
      others: [FIRST],
      named: [[FIRST, 'connected']],
      connected: [[FIRST, true]],
      caughtUpWith: [FIRST],
      addresses: [['http://nine', 'dialling']],
      afterMs: LATE,
    },
    true,
  ],
  [
    'once it includes all that the others hold',
    {
      others: [FIRST, THIRD],
      named: [
        [FIRST, 'connected'],
        [THIRD, 'connected'],
      ],
      connected: [
        [FIRST, true],
        [THIRD, true],
      ],
      caughtUpWith: [FIRST, THIRD],
      afterMs: 1,
    },
    true,
  ],
  [
    'not while it lacks what one of them holds, however late: that one is reached',
    {
      others: [FIRST, THIRD],
      named: [
        [FIRST, 'connected'],
        [THIRD, 'connected'],
      ],
      connected: [
        [FIRST, true],
        [THIRD, true],
      ],
      caughtUpWith: [FIRST],
      afterMs: 10 * LATE,
    },
    false,
  ],
  [
    'one that can not be reached does not hold it up',
    {
      others: [FIRST, THIRD],
      named: [
        [FIRST, 'connected'],
        [THIRD, 'failed'],
      ],
      connected: [[FIRST, true]],
      caughtUpWith: [FIRST],
      afterMs: 1,
    },
    true,
  ],
  [
    'one that is being dialled does, up to the join timeout',
    {
      others: [FIRST, THIRD],
      named: [
        [FIRST, 'connected'],
        [THIRD, 'dialling'],
      ],
      connected: [[FIRST, true]],
      caughtUpWith: [FIRST],
      afterMs: EARLY,
    },
    false,
  ],
  [
    'after the join timeout it does not any more',
    {
      others: [FIRST, THIRD],
      named: [
        [FIRST, 'connected'],
        [THIRD, 'dialling'],
      ],
      connected: [[FIRST, true]],
      caughtUpWith: [FIRST],
      afterMs: LATE,
    },
    true,
  ],
  [
    'one whose URL has come to be of this node itself does not: nobody else answers there',
    {
      others: [FIRST, THIRD],
      named: [
        [FIRST, 'connected'],
        [THIRD, 'self'],
      ],
      connected: [[FIRST, true]],
      caughtUpWith: [FIRST],
      afterMs: 1,
    },
    true,
  ],
  [
    'one that was caught up with and is gone again has answered',
    { others: [FIRST], named: [[FIRST, 'failed']], caughtUpWith: [FIRST], afterMs: 1 },
    true,
  ],
  [
    'where none answers not before the join timeout',
    { others: [FIRST], named: [[FIRST, 'failed']], afterMs: EARLY },
    false,
  ],
  [
    'where none answers after the join timeout',
    { others: [FIRST], named: [[FIRST, 'failed']], afterMs: LATE },
    true,
  ],
  [
    'a member that named no URL does not hold it up for ever',
    { others: [THIRD], afterMs: EARLY },
    false,
  ],
  ['and after the join timeout not at all', { others: [THIRD], afterMs: LATE }, true],
  [
    'a peer that is no member does not count as an answer',
    {
      others: [THIRD],
      named: [[THIRD, 'failed']],
      connected: [[FIRST, true]],
      caughtUpWith: [FIRST],
      afterMs: EARLY,
    },
    false,
  ],
];

for (const [rule, situation, isCaughtUp] of STARTING)
  catchingUp(rule, () => {
    const standing = startedAs(true);
    for (const origin of situation.caughtUpWith ?? []) standing.caughtUpWith(origin);
    const [peers, book] = [peersOf(situation), bookOf(situation)];
    const nowMs = START + situation.afterMs;
    assert.is(standing.isCaughtUp(situation.others ?? [], peers, book, nowMs), isCaughtUp);
  });

catchingUp.run();
