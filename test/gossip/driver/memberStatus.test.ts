/** The members as an operator sees them: who holds back what is stable. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memberStatuses } from '../../../src/gossip/driver/memberStatus.ts';
import { Stability } from '../../../src/rules/stability.ts';
import { originOf, testCore } from '../../support/cores.ts';

const [OWN, SECOND, THIRD] = [originOf(1), originOf(2), originOf(3)];

const statuses = suite('members as an operator sees them');

statuses('the one holds back whose settled clock is oldest, and never this node itself', () => {
  const { view } = testCore({ others: [SECOND, THIRD] });
  const stability = new Stability();
  const vectors = { [SECOND]: new Map([[OWN, 1]]), [THIRD]: new Map<string, number>() };
  const rows = () =>
    memberStatuses(
      view,
      { stability, lastHeardAt: () => 5, hears: (origin) => origin === THIRD },
      9,
    ).map(({ origin, lastHeardAt, isHeard, holdsBack, acknowledged }) => [
      origin,
      lastHeardAt,
      isHeard,
      holdsBack,
      acknowledged,
    ]);
  assert.equal(rows(), [
    [OWN, 9, true, false, view.vector],
    [SECOND, 5, false, true, null],
    [THIRD, 5, true, true, null],
  ]);
  stability.hear(SECOND, vectors[SECOND] ?? new Map(), 200);
  stability.hear(THIRD, vectors[THIRD] ?? new Map(), 100);
  stability.settle(view.vector);
  assert.equal(rows(), [
    [OWN, 9, true, false, view.vector],
    [SECOND, 5, false, false, vectors[SECOND]],
    [THIRD, 5, true, true, vectors[THIRD]],
  ]);
});

statuses('a node that is alone holds nothing back', () => {
  const { view } = testCore();
  const [own] = memberStatuses(
    view,
    { stability: new Stability(), lastHeardAt: () => 5, hears: () => false },
    9,
  );
  assert.is(own?.holdsBack, false);
});

statuses.run();
