/** The reasons why clients may not read or write, as the probes and refusals tell them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ClientGate } from '../../../src/gossip/driver/clientGate.ts';
import type { Offers } from '../../../src/gossip/driver/offers.ts';
import { Readiness } from '../../../src/replica/readiness.ts';

const gates = suite('the gate of clients');

const NOT_JOINED = 'it has not joined its cluster yet';

function gateOf(): { readonly gate: ClientGate; readonly readiness: Readiness } {
  const readiness = new Readiness();
  const offers = { isDone: true } as Offers;
  const gate = new ClientGate({ readiness, offers, steadyMs: () => 0, joinTimeoutMs: 1000 });
  return { gate, readiness };
}

gates('a node without a cluster says that it has not joined', () => {
  const { gate, readiness } = gateOf();
  gate.begin(false);
  assert.equal([readiness.whyUnreadable, readiness.whyUnwritable], [NOT_JOINED, NOT_JOINED]);
  gate.joined();
  gate.ready();
  assert.equal([readiness.whyUnreadable, readiness.whyUnwritable], [null, null]);
});

gates('a node that is let in later says why, until it has joined', () => {
  const { gate, readiness } = gateOf();
  gate.begin(false);
  gate.waits('node1 lets it in later: the cluster is full');
  const why = `${NOT_JOINED}: node1 lets it in later: the cluster is full`;
  assert.equal([readiness.whyUnreadable, readiness.whyUnwritable], [why, why]);
  gate.joined();
  gate.ready();
  assert.equal([readiness.whyUnreadable, readiness.whyUnwritable], [null, null]);
});

gates('a member that is about to rejoin does not say that it has not joined', () => {
  const { gate, readiness } = gateOf();
  gate.begin(true);
  gate.ready();
  gate.giveUp();
  assert.is(readiness.whyUnreadable, 'it is going on under another origin');
  // Its new log is that of no member.
  gate.begin(false);
  assert.is(readiness.whyUnreadable, NOT_JOINED);
});

gates(
  'after a rejoin clients wait for the offers, until they end or the join timeout is over',
  () => {
    const readiness = new Readiness();
    const offers = { isDone: false };
    let nowMs = 5;
    const gate = new ClientGate({
      readiness,
      offers: offers as Offers,
      steadyMs: () => nowMs,
      joinTimeoutMs: 1000,
    });
    const refusals = (): unknown[] => [readiness.whyUnreadable, readiness.whyUnwritable];
    const waiting = 'it offers the ops again that it held before it rejoined';
    gate.begin(false);
    gate.openForWrites();
    assert.equal([refusals(), gate.isReady], [[NOT_JOINED, NOT_JOINED], false]);
    gate.joined();
    assert.equal(refusals(), [waiting, NOT_JOINED]);
    gate.ready();
    nowMs += 999;
    gate.openForWrites();
    assert.equal([refusals(), gate.isReady], [[waiting, waiting], true]);
    nowMs++;
    gate.openForWrites();
    assert.equal(refusals(), [null, null]);
    gate.begin(true);
    assert.equal(refusals(), [waiting, 'it is catching up with its peers after a start']);
    gate.ready();
    offers.isDone = true;
    gate.openForWrites();
    assert.equal(refusals(), [null, null]);
  },
);

gates.run();
