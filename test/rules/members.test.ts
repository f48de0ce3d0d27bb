import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  closingValue,
  type Member,
  Members,
  memberValue,
  nodeIdOf,
} from '../../src/rules/members.ts';
import type { Membership, OpId } from '../../src/words/op.ts';
import { ORIGINS } from '../support/generators.ts';
import { membership } from '../support/ops.ts';

const [A, B, C] = ORIGINS;

const joining = (key: string, value: string | null = null, seq = 1): Membership =>
  membership({ key, value, seq });
const retiring = (key: string, seq = 2): Membership => membership({ kind: 'retire', key, seq });

function membersOf(...ops: readonly Membership[]): Members {
  const members = new Members();
  for (const op of ops) members.fold(op);
  return members;
}

const originsOf = (members: Iterable<Member>): string[] =>
  [...members].map(({ origin }) => origin).sort();

const folding = suite('members are the fold of join and retire (rule 8)');

folding('who has joined is a member, with the id and the URL that the join names', () => {
  const members = membersOf(joining(A, memberValue('one', 'http://one')), joining(B));
  assert.is(members.size, 2);
  assert.equal(members.get(A), { origin: A, nodeId: 'one', url: 'http://one' });
  assert.is(members.has(B), true);
  assert.is(members.has(C), false);
  assert.is(members.get(C), undefined);
});

folding(
  'a URL that nobody can dial counts as none, and is told until a later join names another',
  () => {
    for (const url of ['node4:8000', 'http://', 'http://one/path', 7]) {
      const poor = joining(A, JSON.stringify({ nodeId: 'one', url }));
      const members = membersOf(poor, joining(B), joining(C, memberValue('three', null)));
      assert.equal(members.get(A), { origin: A, nodeId: 'one', url: null });
      const told = (): string[] => ORIGINS.filter((origin) => members.hasUnusableUrl(origin));
      assert.equal(told(), [A]);
      members.fold(joining(A, memberValue('one', 'http://one'), 2));
      assert.equal(told(), []);
      members.fold(joining(A, JSON.stringify({ nodeId: 'one', url }), 3));
      members.fold(retiring(A, 4));
      assert.equal(told(), []);
    }
  },
);

folding('who was retired is no member, and stays known as retired', () => {
  const members = membersOf(joining(A, memberValue('one', 'http://one')), joining(B), retiring(A));
  assert.equal(originsOf(members.all()), [B]);
  assert.is(members.isRetired(A), true);
  assert.is(members.isRetired(B), false);
  assert.equal(
    members.retiredAfter(0).map((origin) => members.describe(origin)),
    [{ origin: A, nodeId: 'one', url: 'http://one' }],
  );
});

folding('who was retired never returns, also where its join comes after the retire', () => {
  const members = membersOf(retiring(A), joining(A, memberValue('one', 'http://one')), joining(A));
  assert.is(members.has(A), false);
  assert.is(members.isRetired(A), true);
  assert.is(members.size, 0);
});

folding('a retire of an origin that never joined seals it all the same', () => {
  const members = membersOf(retiring(A));
  assert.equal(
    members.retiredAfter(0).map((origin) => members.describe(origin)),
    [{ origin: A, nodeId: 'node1', url: null }],
  );
  assert.is(members.has(A), false);
});

folding('each retire counts on its own, two of one origin as well: members must hold both', () => {
  const both = [retiring(A, 2), membership({ kind: 'retire', key: A, origin: B, seq: 7 })];
  const members = membersOf(joining(A), ...both);
  assert.equal(members.retires, both);
});

folding('every op is kept, in order of arrival, in a list that its reader may change', () => {
  const ops = [joining(A), joining(B), retiring(A), joining(A)];
  const members = membersOf(...ops);
  members.ops().length = 0;
  assert.equal(members.ops(), ops);
});

folding('once cleared it knows nobody, the retired included', () => {
  const members = membersOf(joining(A), joining(B), retiring(B));
  members.clear();
  assert.equal(
    [members.size, members.isRetired(B), members.ops(), members.retires],
    [0, false, [], []],
  );
  members.fold(joining(B));
  assert.is(members.has(B), true);
});

folding('in whatever order ops come, the same origins are members and the same are retired', () => {
  const change = fc.record({ isJoin: fc.boolean(), of: fc.constantFrom(...ORIGINS) });
  const shuffled = fc
    .array(change, { maxLength: 12 })
    .map((changes) =>
      changes.map(({ isJoin, of }, at) =>
        isJoin ? joining(of, null, at + 1) : retiring(of, at + 1),
      ),
    )
    .chain((ops) =>
      fc.tuple(fc.constant(ops), fc.shuffledSubarray(ops, { minLength: ops.length })),
    );
  fc.assert(
    fc.property(shuffled, ([ops, again]) => {
      const [members, others] = [membersOf(...ops), membersOf(...again)];
      const isOfKind = (kind: string, origin: string) =>
        ops.some((op) => op.kind === kind && op.key === origin);
      for (const one of [members, others]) {
        for (const origin of ORIGINS) {
          assert.is(one.isRetired(origin), isOfKind('retire', origin));
          assert.is(one.has(origin), isOfKind('join', origin) && !isOfKind('retire', origin));
        }
      }
      assert.equal(
        others.retires.map(({ seq }) => seq).sort((a, b) => a - b),
        members.retires.map(({ seq }) => seq).sort((a, b) => a - b),
      );
    }),
    { numRuns: 300 },
  );
});

folding('of two joins of a member the later one names it, whichever comes first', () => {
  const named = (nodeId: string, hlc: number, seq: number): Membership =>
    membership({ key: A, value: memberValue(nodeId, null), hlc, seq });
  const [older, newer] = [named('old', 1000, 1), named('new', 2000, 2)];
  for (const order of [
    [older, newer],
    [newer, older],
  ])
    assert.is(membersOf(...order).get(A)?.nodeId, 'new');
});

folding('nobody waits for another retire of an origin that is closed', () => {
  const members = membersOf(joining(A), joining(B), retiring(A));
  assert.is(members.retires.length, 1);
  members.close(A);
  members.fold(retiring(A, 3));
  assert.equal(members.retires, []);
});

folding.run();

const closings = suite('closings rest on a retire (rule 13)');

const retireBy = (origin: string, seq: number): Membership =>
  membership({ kind: 'retire', key: A, origin, seq });
const closingBy = (seq: number, at: number, by: OpId | null): Membership =>
  membership({ key: A, origin: B, seq, value: closingValue({ nodeId: 'a', url: null }, at, by) });

closings('it counts with that retire only, whichever comes first', () => {
  const [known, unknown] = [retireBy(B, 1), retireBy(C, 1)];
  for (const ops of [
    [known, closingBy(2, 17, known)],
    [closingBy(2, 17, known), known],
  ])
    assert.is(membersOf(...ops).closingAt(A), 17);
  const members = membersOf(known, closingBy(2, 17, unknown));
  assert.is(members.closingAt(A), undefined, 'another side has retired it, and holds less');
  members.fold(closingBy(3, 12, known));
  assert.is(members.closingAt(A), 12);
  members.fold(unknown);
  assert.is(members.closingAt(A), 17);
  members.clear();
  assert.is(members.closingAt(A), undefined);
});

closings('one that names none counts, as those of nodes up to 0.5.0 do', () => {
  assert.is(membersOf(closingBy(2, 17, null)).closingAt(A), 17);
  assert.is(membersOf(closingBy(2, 17, null), closingBy(3, 20, null)).closingAt(A), 20);
});

closings.run();

const values = suite('what a join says of its member');

const UNKNOWN: Member = { origin: A, nodeId: 'node1', url: null };

for (const value of [
  null,
  '',
  'null',
  '7',
  '"http://one"',
  '[]',
  '[{"url":"http://one"}]',
  '{}',
  '{"nodeId":7,"url":{}}',
  '{"nodeId":null,"url":null}',
  '{"nodeId":"one"',
])
  values(
    `${value === null ? 'no value' : `the value ${JSON.stringify(value)}`} tells nothing but the origin`,
    () => {
      assert.equal(membersOf(joining(A, value)).get(A), UNKNOWN);
    },
  );

values('each of the two is taken where it is a text, and what is unknown is left', () => {
  const of = (value: string): Member | undefined => membersOf(joining(A, value)).get(A);
  assert.equal(of('{"nodeId":"one"}'), { ...UNKNOWN, nodeId: 'one' });
  assert.equal(of('{"url":"http://one","later":[1]}'), { ...UNKNOWN, url: 'http://one' });
});

values('what memberValue writes is read back, whatever the texts', () => {
  const aUrl = fc.constantFrom('http://one', 'https://one:8000', 'http://[::1]:8000', null);
  fc.assert(
    fc.property(fc.string(), aUrl, (nodeId, url) => {
      const member = membersOf(joining(A, memberValue(nodeId, url))).get(A);
      assert.equal(member, { origin: A, nodeId, url });
    }),
  );
});

for (const url of [
  'not a url',
  'node4:8000',
  'javascript:alert(1)',
  'http://h/?q#f',
  'http://h/p',
  '',
])
  values(`a log that holds the URL ${JSON.stringify(url)} names nothing to dial`, () => {
    assert.is(membersOf(joining(A, memberValue('one', url))).get(A)?.url, null);
  });

values('the id of a node may hold dots: the last one of an origin ends it', () => {
  assert.is(nodeIdOf('cache.eu.example.aaaaaa'), 'cache.eu.example');
});

values('a second retire takes nothing from the description of the first', () => {
  const all = new Members();
  all.fold(membership({ key: 'node2.aaaaaa', value: memberValue('second', 'http://two') }));
  for (const seq of [2, 3]) all.fold(membership({ kind: 'retire', key: 'node2.aaaaaa', seq }));
  const { nodeId, url } = all.describe('node2.aaaaaa');
  assert.equal([nodeId, url], ['second', 'http://two']);
});

values(
  'names and URLs that a member had are those of its joins, in the order of their HLCs',
  () => {
    const all = new Members();
    for (const [seq, hlc, nodeId, url] of [
      [1, 30, 'third', 'http://three'],
      [2, 10, 'first', null],
      [3, 20, 'second', 'http://two'],
    ] as const)
      all.fold(membership({ key: 'node2.aaaaaa', seq, hlc, value: memberValue(nodeId, url) }));
    all.fold(membership({ key: 'node3.aaaaaa', seq: 4, value: memberValue('other', 'http://x') }));
    all.fold(membership({ kind: 'retire', key: 'node2.aaaaaa', seq: 5 }));
    assert.equal(all.namesOf('node2.aaaaaa'), ['first', 'second', 'third']);
    assert.equal(all.urlsOf('node2.aaaaaa'), ['http://two', 'http://three']);
  },
);

values.run();
