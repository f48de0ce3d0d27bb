/** Peers that are asked to judge lost ops: an answer counts for the question that it names, and for no other. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Judges } from '../../../src/gossip/driver/judges.ts';
import {
  decodeMessage,
  type JudgedMessage,
  type JudgeMessage,
} from '../../../src/gossip/protocol/messages.ts';
import type { JudgedPage } from '../../../src/replica/judgement.ts';
import { openReplica } from '../../support/replicas.ts';

const judges = suite('peers that judge (rule 12)');

const [PEER, OTHER] = [2, 3];
const NOTHING = new Map<string, number>();

async function asking() {
  const { replica, clock } = await openReplica();
  const sent: JudgeMessage[] = [];
  const one = new Judges({
    replica,
    send: (_connection, text) => sent.push(decodeMessage(text) as JudgeMessage),
    isOpen: (connection) => connection !== 9,
    steadyMs: () => clock.nowMs,
    timeoutMs: 5000,
  });
  /** The pages that came, in order; null where none will come any more. */
  const pages: (JudgedPage | null)[] = [];
  const ask = (connection = PEER): number => {
    void one
      .of(connection, NOTHING)(NOTHING, 0)
      .then((page) => pages.push(page));
    return sent.at(-1)?.re ?? -1;
  };
  const answer = (re: number, cutAt: number, connection = PEER): Promise<void> =>
    one.take(connection, judged(re, cutAt));
  return { judges: one, clock, ask, answer, pages };
}

const judged = (re: number, cutAt: number): JudgedMessage => ({
  type: 'judged',
  re,
  includesBase: true,
  ops: [],
  complete: true,
  cutAt,
  next: null,
});

const cuts = (pages: readonly (JudgedPage | null)[]): (number | null | undefined)[] =>
  pages.map((page) => page?.cutAtMs);

judges(
  'an answer counts for the question that it names, once, from the peer that was asked',
  async () => {
    const { ask, answer, pages } = await asking();
    const first = ask();
    const second = ask();
    assert.is.not(first, second);
    await answer(second, 1, OTHER);
    await answer(second + 1, 2);
    assert.equal(cuts(pages), []);
    await answer(second, 3);
    await answer(second, 4);
    assert.equal(cuts(pages), [3]);
    await answer(first, 5);
    assert.equal(cuts(pages), [3, 5]);
  },
);

judges('a late answer to a question that was given up counts for nothing', async () => {
  const { judges: one, clock, ask, answer, pages } = await asking();
  const late = ask();
  clock.nowMs += 5000;
  one.tick();
  await Promise.resolve();
  assert.equal(pages, [], 'it has its time');
  clock.nowMs += 1;
  one.tick();
  const next = ask();
  await answer(late, 1);
  assert.equal(cuts(pages), [undefined]);
  await answer(next, 2);
  assert.equal(cuts(pages), [undefined, 2]);
});

judges('with its connection each question of it ends, and no other', async () => {
  const { judges: one, ask, answer, pages } = await asking();
  ask();
  const stays = ask(OTHER);
  one.drop(PEER);
  await answer(stays, 1, OTHER);
  assert.equal(cuts(pages), [undefined, 1]);
});

judges('nobody is asked over a connection that is gone', async () => {
  const { ask, pages } = await asking();
  assert.is(ask(9), -1);
  await Promise.resolve();
  assert.equal(pages, [null]);
});

judges(
  'a question of a peer is answered, as far as this node holds what that one began with',
  async () => {
    const { replica, clock } = await openReplica();
    const sent: unknown[] = [];
    const one = new Judges({
      replica,
      send: (_connection, text) => sent.push(decodeMessage(text)),
      isOpen: () => true,
      steadyMs: () => clock.nowMs,
      timeoutMs: 5000,
    });
    const question = { type: 'judge', re: 5, held: NOTHING, after: 0 } as const;
    await one.take(PEER, { ...question, base: new Map([['peer9.aaaaaa', 1]]) });
    await one.take(PEER, { ...question, base: NOTHING });
    const answer = { type: 'judged', re: 5, ops: [], next: null, cutAt: null };
    assert.equal(sent, [
      { ...answer, includesBase: false, complete: false },
      { ...answer, includesBase: true, complete: true },
    ]);
  },
);

judges.run();
