/** The word of a peer counts only as far as that peer may know: what it claims beyond costs it its connection. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeMessage } from '../../../src/gossip/protocol/messages.ts';
import { MalformedMessageError } from '../../../src/gossip/protocol/opCodec.ts';
import { errorIn, ofKind, originOf, testCore } from '../../support/cores.ts';

const words = suite('the word of a peer');

words('no member confirms ops that were never born: it is malformed, and counts for nobody', () => {
  const { core, greet, receive } = testCore({ others: [originOf(2)] });
  greet(1);
  assert.is(errorIn(receive(1, { type: 'confirmed', seq: 2 ** 53 - 1 }))?.code, 'malformed');
  assert.is(core.acks(1), 0);
});

words('a member confirms the ops that are there, and no later one', () => {
  const { core, greet, receive } = testCore({ others: [originOf(2)] });
  greet(1);
  assert.is(errorIn(receive(1, { type: 'confirmed', seq: 1 })), undefined);
  assert.is(core.acks(1), 1);
  assert.is(core.acks(2), 0);
});

words('only a member is believed that two nodes bear this origin', () => {
  const clone = { type: 'error', code: 'clone', reason: 'x' } as const;
  for (const others of [[], [originOf(2)]]) {
    const { greet, receive } = testCore({ others });
    greet(1);
    assert.is(ofKind(receive(1, clone), 'rejoin').length, others.length);
  }
});

for (const url of ['not a url', 'node4:8000', 'http://h/latest/meta-data?x=1'])
  words(`a hello with the URL ${url} is a hello without one`, () => {
    const { core, greet, tick, clock } = testCore({ others: [originOf(2)] });
    const notes = ofKind(greet(1, { url }), 'note').map(({ text }) => text);
    assert.match(notes.join(), /URL that nobody can dial/);
    clock.nowMs += 60_000;
    assert.equal(ofKind(tick(), 'dial'), []);
    assert.is(core.status()[0]?.url, null);
  });

/** Each would be one issue of a schema: a million of them took more than a minute. */
const FAULTS = 300_000;
const zeroes = `[${'0,'.repeat(FAULTS)}0]`;
const wrongOrigins = JSON.stringify(
  Object.fromEntries(Array.from({ length: FAULTS }, (_, index) => [`x${index}`, 1])),
);
for (const [name, text] of Object.entries({
  ranges: `{"type":"delta","ranges":${zeroes},"ops":[]}`,
  ops: `{"type":"delta","ranges":[],"ops":${zeroes}}`,
  rows: `{"type":"snapshot","part":0,"rows":${zeroes}}`,
  vector: `{"type":"digest","clock":0,"asOf":0,"horizon":0,"vector":${wrongOrigins},"sums":""}`,
  deletes: `{"type":"deleted","deletes":${zeroes},"next":null}`,
  entries: `{"type":"compared","asOf":1,"buckets":1,"bucket":0,"sums":"","entries":${zeroes}}`,
}))
  words(`${FAULTS} faults in ${name} cost no more than the first`, () => {
    JSON.parse(text); // warm, and what cannot be spared
    const before = process.cpuUsage();
    assert.throws(
      () => decodeMessage(text),
      (error: unknown) => error instanceof MalformedMessageError && error.message.length < 500,
    );
    const { user } = process.cpuUsage(before);
    assert.ok(user < 2_000_000, `it took ${user} µs`);
  });

words.run();
