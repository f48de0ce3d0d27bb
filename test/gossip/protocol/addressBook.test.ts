import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressBook, SELF_REDIAL_MS } from '../../../src/gossip/protocol/addressBook.ts';
import { type Random, seeded } from '../../../src/words/random.ts';

const SETTINGS = { firstRedialMs: 100, maxRedialMs: 3000, maxMembers: 64 };
const URL = 'http://localhost:8001';
const OTHER_URL = 'http://localhost:8002';
const ORIGIN = 'node1.aaaaaa';

const dialling = suite('whom to dial and when');

interface Book {
  readonly book: AddressBook;
  readonly random: Random;
  /** Fails the dial to `URL`. @returns how long it is not dialled again. */
  fail(nowMs: number): number;
}

function bookOf(...urls: string[]): Book {
  const book = new AddressBook(urls, SETTINGS);
  const random = seeded(1);
  return {
    book,
    random,
    fail(nowMs) {
      book.failed(URL, 'nobody is there', false, nowMs, random);
      return (book.get(URL)?.nextDialAt ?? 0) - nowMs;
    },
  };
}

dialling('every configured URL is dialled at once, and once', () => {
  const { book } = bookOf(URL, OTHER_URL, URL);
  assert.equal(book.takeDue(0), [URL, OTHER_URL]);
  assert.equal(book.takeDue(1e9), []);
});

dialling('after a failure it is dialled again once the wait is over, not before', () => {
  const { book, fail } = bookOf(URL);
  book.takeDue(0);
  const waitMs = fail(1000);
  assert.equal(book.takeDue(1000 + waitMs - 1), []);
  assert.equal(book.takeDue(1000 + waitMs), [URL]);
});

dialling(
  'the n-th wait is between half and all of the first, doubled each time up to the longest',
  () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 2 ** 41 }), (seed, nowMs) => {
        const book = new AddressBook([URL], SETTINGS);
        const random = seeded(seed);
        for (let failures = 0; failures < 40; failures++) {
          book.takeDue(Number.MAX_SAFE_INTEGER);
          book.failed(URL, 'nobody is there', false, nowMs, random);
          const waitMs = (book.get(URL)?.nextDialAt ?? 0) - nowMs;
          const mostMs = Math.min(3000, 100 * 2 ** failures);
          assert.ok(waitMs >= mostMs / 2 - 1 && waitMs <= mostMs + 1, `${waitMs} of ${mostMs}`);
        }
      }),
    );
  },
);

dialling('waits differ, so that nodes which lost each other at once do not dial at once', () => {
  const waits = Array.from({ length: 20 }, (_, seed) => {
    const book = new AddressBook([URL], SETTINGS);
    book.failed(URL, 'nobody is there', false, 0, seeded(seed));
    return book.get(URL)?.nextDialAt;
  });
  assert.ok(new Set(waits).size > 15);
});

dialling('a greeting ends the back-off', () => {
  const { book, fail } = bookOf(URL);
  for (let failures = 0; failures < 10; failures++) fail(0);
  book.greeted(URL, ORIGIN, 'node1');
  assert.equal(book.takeDue(1e9), []);
  assert.is(book.get(URL)?.reason, null);
  book.lost(ORIGIN, 'it went away', 5000);
  assert.equal(book.takeDue(5000), [URL]);
  assert.ok(fail(5000) <= 100);
});

dialling(
  'a URL that leads to this node is dialled again in a minute, and counts as answered',
  () => {
    const { book, fail } = bookOf(URL);
    book.takeDue(0);
    book.isSelf(URL, SELF_REDIAL_MS);
    fail(0);
    book.lost(ORIGIN, 'it went away', 0);
    for (const atMs of [SELF_REDIAL_MS, 2 * SELF_REDIAL_MS]) {
      assert.equal(book.takeDue(atMs - 1), []);
      assert.equal(book.takeDue(atMs), [URL]);
      assert.equal(book.takeDue(atMs), []);
      assert.ok(book.allAnswered());
    }
    book.greeted(URL, ORIGIN, 'node2');
    assert.is(book.get(URL)?.state, 'connected');
  },
);

dialling('it leads nowhere where each address leads to this node', () => {
  const { book } = bookOf(URL, OTHER_URL);
  book.isSelf(URL, 0);
  assert.not.ok(book.leadsNowhere);
  book.isSelf(OTHER_URL, 0);
  assert.ok(book.leadsNowhere);
  assert.not.ok(bookOf().book.leadsNowhere, 'one node alone was given none');
});

dialling('a URL whose node has dialled us rests until that connection is lost', () => {
  const { book } = bookOf(URL, OTHER_URL);
  book.servedBy(URL, ORIGIN);
  assert.equal(book.takeDue(0), [OTHER_URL]);
  book.lost('node2.bbbbbb', 'it went away', 0);
  assert.equal(book.takeDue(0), []);
  book.lost(ORIGIN, 'it went away', 7);
  assert.equal(book.takeDue(6), []);
  assert.equal(book.takeDue(7), [URL]);
});

dialling('a refusal is told apart from silence, and is tried again all the same', () => {
  const { book, random } = bookOf(URL);
  book.failed(URL, 'of another cluster', true, 0, random);
  const { refused, reason } = book.get(URL) ?? {};
  assert.equal([refused, reason], [true, 'of another cluster']);
  assert.equal(book.takeDue(100), [URL]);
  book.failed(URL, 'nobody is there', false, 0, random);
  assert.is(book.get(URL)?.refused, false);
});

dialling('news of URLs that are not in the book change nothing', () => {
  const { book, random } = bookOf(URL);
  book.greeted(OTHER_URL, ORIGIN, 'node1');
  book.servedBy(OTHER_URL, ORIGIN);
  book.isSelf(OTHER_URL, 0);
  book.failed(OTHER_URL, 'nobody is there', false, 0, random);
  assert.is(book.get(OTHER_URL), undefined);
  assert.equal(book.takeDue(0), [URL]);
});

dialling("a member's URL is dialled until the member is retired, a configured one for ever", () => {
  const { book } = bookOf(URL);
  book.addMember(URL, ORIGIN);
  book.addMember(OTHER_URL, 'node2.bbbbbb');
  assert.equal(book.takeDue(0), [URL, OTHER_URL]);
  book.removeMember('node2.bbbbbb');
  book.removeMember(ORIGIN);
  assert.equal(
    [...book.all].map(({ url, member }) => [url, member]),
    [[URL, null]],
  );
});

dialling('all have been tried once each has failed, answered or proved to be this node', () => {
  const { book, fail } = bookOf(URL, OTHER_URL);
  assert.not.ok(book.allTried());
  book.takeDue(0);
  assert.not.ok(book.allTried());
  fail(0);
  assert.not.ok(book.allTried());
  book.isSelf(OTHER_URL, 0);
  assert.ok(book.allTried());
  assert.not.ok(book.allAnswered());
  book.greeted(URL, ORIGIN, 'node1');
  assert.ok(book.allAnswered());
});

const FIRST = 'http://10.0.0.1:8001';
const SECOND = 'http://10.0.0.2:8001';
const THIRD = 'http://10.0.0.3:8001';

dialling('a name with several addresses is dialled at each of them in its place', () => {
  const { book } = bookOf(URL);
  book.resolved(URL, [FIRST, SECOND]);
  assert.equal(book.takeDue(0), [FIRST, SECOND]);
  assert.not(book.allAnswered(), 'none has answered');
  book.greeted(FIRST, ORIGIN, 'node1');
  book.isSelf(SECOND, Number.POSITIVE_INFINITY);
  assert.ok(book.allAnswered());
});

dialling('a name with one address is dialled by its name', () => {
  const { book } = bookOf(URL);
  book.resolved(URL, [FIRST]);
  assert.equal(book.takeDue(0), [URL]);
});

dialling('addresses that a name has lost are dialled no longer, and new ones at once', () => {
  const { book } = bookOf(URL);
  book.resolved(URL, [FIRST, SECOND]);
  book.takeDue(0);
  book.resolved(URL, [SECOND, THIRD]);
  assert.is(book.get(FIRST), undefined);
  assert.equal(book.takeDue(0), [THIRD]);
  book.resolved(URL, [SECOND]);
  assert.equal(book.takeDue(0), [URL]);
  assert.equal([book.get(SECOND), book.get(THIRD)], [undefined, undefined]);
});

dialling('an address that a member names stays when the name loses it', () => {
  const { book } = bookOf(URL);
  book.resolved(URL, [FIRST, SECOND]);
  book.addMember(FIRST, ORIGIN);
  book.resolved(URL, [SECOND, THIRD]);
  assert.is(book.get(FIRST)?.member, ORIGIN);
  book.removeMember(ORIGIN);
  assert.is(book.get(FIRST), undefined, 'nobody names it any more');
});

dialling('a dial to the name that ends late changes nothing of its addresses', () => {
  const { book, fail } = bookOf(URL);
  book.takeDue(0);
  book.resolved(URL, [FIRST, SECOND]);
  fail(0);
  book.greeted(URL, ORIGIN, 'node1');
  book.servedBy(URL, ORIGIN);
  book.isSelf(URL, 0);
  assert.is(book.get(URL)?.state, 'several');
});

dialling('only a configured URL has addresses', () => {
  const { book } = bookOf(URL);
  book.add(OTHER_URL);
  book.resolved(OTHER_URL, [FIRST, SECOND]);
  assert.equal(book.takeDue(0), [URL, OTHER_URL]);
});

dialling('a name that leads to this node alone leads nowhere', () => {
  const { book } = bookOf(URL);
  book.resolved(URL, [FIRST, SECOND]);
  book.isSelf(FIRST, 0);
  assert.not(book.leadsNowhere);
  book.isSelf(SECOND, 0);
  assert.ok(book.leadsNowhere);
});

dialling.run();

const members = suite('the addresses of members');
const OTHER_ORIGIN = 'node2.aaaaaa';

members('a member is undecided until a dial to its own URL has ended', () => {
  const { book, fail } = bookOf();
  assert.not(book.isUndecided(ORIGIN), 'it names no URL');
  book.addMember(OTHER_URL, OTHER_ORIGIN);
  book.addMember(URL, ORIGIN);
  assert.ok(book.isUndecided(ORIGIN), 'it is not dialled yet');
  book.takeDue(0);
  assert.ok(book.isUndecided(ORIGIN), 'it is being dialled');
  fail(0);
  assert.not(book.isUndecided(ORIGIN));
  assert.ok(book.isUndecided(OTHER_ORIGIN));
  book.greeted(OTHER_URL, OTHER_ORIGIN, 'node2');
  assert.not(book.isUndecided(OTHER_ORIGIN));
});

members('one that moves leaves its old URL, and no other member does', () => {
  const { book } = bookOf();
  book.addMember(URL, ORIGIN);
  book.addMember(OTHER_URL, OTHER_ORIGIN);
  book.addMember('http://moved', ORIGIN);
  assert.equal(
    [...book.all].map(({ url, member }) => [url, member]),
    [
      [OTHER_URL, OTHER_ORIGIN],
      ['http://moved', ORIGIN],
    ],
  );
});

members('one that is retired is dialled no longer, and the others are', () => {
  const { book } = bookOf();
  book.addMember(URL, ORIGIN);
  book.addMember(OTHER_URL, OTHER_ORIGIN);
  book.removeMember(ORIGIN);
  assert.equal(book.takeDue(0), [OTHER_URL]);
  assert.is(book.get(OTHER_URL)?.member, OTHER_ORIGIN);
});

members(
  'one that is retired while it is connected is dialled eight times after it has gone',
  () => {
    const { book, random } = bookOf(OTHER_URL);
    book.addMember(URL, ORIGIN);
    book.addMember(OTHER_URL, OTHER_ORIGIN);
    book.takeDue(0);
    for (const [url, origin] of [
      [URL, ORIGIN],
      [OTHER_URL, OTHER_ORIGIN],
    ] as const) {
      book.greeted(url, origin, 'node');
      book.removeMember(origin);
      book.lost(origin, 'it is gone', 0);
    }
    const dials: string[] = [];
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1000) {
      for (const url of book.takeDue(nowMs)) {
        dials.push(url);
        book.failed(url, 'nobody is there', false, nowMs, random);
      }
      book.forgetStrangers(() => false);
    }
    assert.is(dials.filter((url) => url === URL).length, 8);
    assert.is(book.get(URL), undefined);
    assert.ok(
      dials.filter((url) => url === OTHER_URL).length > 8,
      'a configured one is dialled on',
    );
  },
);

members('a refusal is of one origin, and lasts until the two talk', () => {
  const { book } = bookOf(URL, OTHER_URL);
  for (const [url, origin] of [
    [URL, ORIGIN],
    [OTHER_URL, OTHER_ORIGIN],
  ] as const) {
    book.takeDue(1e6);
    book.greeted(url, origin, 'node');
    assert.is(book.refusalOf(origin), null);
    book.failed(url, `refused at ${url}`, true, 0, seeded(1));
    book.takeDue(1e6);
    book.greeted(url, origin, 'node');
  }
  assert.is(book.refusalOf(ORIGIN), `refused at ${URL}`);
  assert.is(book.refusalOf(OTHER_ORIGIN), `refused at ${OTHER_URL}`);
  assert.is(book.refusalOf('node3.aaaaaa'), null);
  book.accepted(ORIGIN);
  assert.is(book.refusalOf(ORIGIN), null);
  assert.is(book.refusalOf(OTHER_ORIGIN), `refused at ${OTHER_URL}`);
});

members('who dials this node is taken to answer at its URL', () => {
  const { book, fail } = bookOf(URL);
  book.takeDue(0);
  fail(0);
  assert.is(book.get(URL)?.reason, 'nobody is there');
  book.servedBy(URL, ORIGIN);
  assert.equal([book.get(URL)?.reason, book.get(URL)?.state], [null, 'connected']);
});

members(
  'a name that leads to one address again is dialled itself, but not where it never led to several',
  () => {
    const { book } = bookOf(URL);
    book.takeDue(0);
    book.resolved(URL, ['http://10.0.0.1']);
    assert.is(book.get(URL)?.state, 'dialling');
    book.resolved(URL, ['http://10.0.0.1', 'http://10.0.0.2']);
    assert.is(book.get(URL)?.state, 'several');
    book.resolved(URL, ['http://10.0.0.1']);
    assert.equal(book.takeDue(1), [URL]);
  },
);

members.run();
