import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Said, toldByForksOnly } from '../../src/rules/forkedMembership.ts';
import { closingValue, Members, memberValue } from '../../src/rules/members.ts';
import type { Membership } from '../../src/words/op.ts';
import { ORIGINS } from '../support/generators.ts';
import { membership } from '../support/ops.ts';

const [SOUND, FORKED, OTHER] = ORIGINS;
const VALUE = memberValue('other', 'http://other');

/** The facts that the ops tell only in the origin that has two histories. */
function told(...ops: readonly Membership[]): Said[] {
  const members = new Members();
  for (const op of ops) members.fold(op);
  return toldByForksOnly(members, (origin) => origin === FORKED);
}

const inFork = (fields: Partial<Membership>): Membership =>
  membership({ origin: FORKED, key: OTHER, seq: 2, ...fields });
const closed = (closedAt: number): string =>
  closingValue({ nodeId: 'other', url: null }, closedAt, null);

const forks = suite('membership that only a forked origin tells (rule 11)');

forks('a retire, unless a sound origin tells it as well', () => {
  const retire = inFork({ kind: 'retire' });
  assert.equal(told(retire), [{ kind: 'retire', key: OTHER, value: null }]);
  assert.equal(told(retire, membership({ kind: 'retire', key: OTHER, origin: SOUND })), []);
  assert.equal(told(membership({ kind: 'retire', key: OTHER, origin: SOUND })), []);
});

forks('a join, with the latest name and URL, while its origin is a member', () => {
  const join = inFork({ value: memberValue('before', null) });
  const moved = membership({ key: OTHER, origin: OTHER, hlc: 2_000_000, value: VALUE });
  assert.equal(told(join), [{ kind: 'join', key: OTHER, value: memberValue('before', null) }]);
  assert.equal(told(join, moved), [], 'it tells of itself');
  assert.equal(told(join, membership({ kind: 'retire', key: OTHER, origin: SOUND })), []);
  assert.equal(told(join, inFork({ seq: 3, hlc: 2_000_000, value: VALUE })), [
    { kind: 'join', key: OTHER, value: VALUE },
  ]);
});

forks('a closing, beside the retire, at the last seq', () => {
  const retire = membership({ kind: 'retire', key: OTHER, origin: SOUND });
  const closing = inFork({ value: closed(7) });
  assert.equal(told(retire, closing), [{ kind: 'join', key: OTHER, value: closed(7) }]);
  const again = membership({ key: OTHER, origin: SOUND, seq: 2, value: closed(7) });
  assert.equal(told(retire, closing, again), []);
  const join = membership({ key: OTHER, origin: SOUND, seq: 3 });
  assert.equal(told(retire, closing, join).length, 1, 'a join closes nothing');
});

forks.run();
