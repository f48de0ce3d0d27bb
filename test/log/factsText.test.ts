import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allFactTexts, factTexts, parseFacts } from '../../src/log/factsText.ts';
import { type HeaderFacts, NO_FACTS } from '../../src/words/row.ts';

const factTextTests = suite('facts as text');

class TestFault extends Error {}
const fault = (name: string): Error => new TestFault(name);

/** As version 0.1.0 writes them, with a fact that is read no more, and one that came after it. */
const TEXTS: readonly [string, string][] = [
  ['admittedBy', 'node2.bbbbbb'],
  ['cutAt', '1800000000123'],
  ['formedAt', '0'],
  ['givenUp', 'forked 17 others'],
  ['importOf', 'e3b0c442'],
  ['importedFrom', 'node9.zzzzzz'],
  ['joined', 'yes'],
  ['mapSum', '12 30000001 0000000100000002'],
  ['offered', '3 9 node1.aaaaaa'],
  ['renewOrigin', 'yes'],
  ['settledLog', 'node1.aaaaaa.2'],
  ['snapshotUnderWay', 'no'],
  ['stableReached', '1800000003600 node1.aaaaaa 9 node2.bbbbbb 4\n1800000000700'],
];

factTextTests('texts that an earlier version wrote are read, and written as they were', () => {
  const written = new Map(
    factTexts({ mapSum: { lsn: 12, asOf: 30_000_001, sum: { high: 1, low: 2 } } }),
  );
  const texts = TEXTS.map(([name, text]): [string, string] => [name, written.get(name) ?? text]);
  const facts = parseFacts(texts, fault);
  const expected: HeaderFacts = {
    joined: true,
    formedAtMs: 0,
    admittedBy: 'node2.bbbbbb',
    owesOrigin: true,
    snapshot: 'taken',
    cutAtMs: 1_800_000_000_123,
    mapSum: { lsn: 12, asOf: 30_000_001, sum: { high: 1, low: 2 } },
    reached: [
      {
        clock: 1_800_000_003_600,
        vector: new Map([
          ['node1.aaaaaa', 9],
          ['node2.bbbbbb', 4],
        ]),
      },
      { clock: 1_800_000_000_700, vector: new Map() },
    ],
    givenUp: { state: 'forked', openedAtSeq: 17, hadOthers: true },
    offered: { origin: 'node1.aaaaaa', from: 3, to: 9 },
    settledLog: 'node1.aaaaaa.2',
    importOf: 'e3b0c442',
    others: { importedFrom: 'node9.zzzzzz' },
  };
  assert.equal(facts, expected);
  assert.equal(allFactTexts(facts), texts);
});

factTextTests('a header without facts is one of which nothing is said', () => {
  assert.equal(parseFacts([], fault), NO_FACTS);
  assert.equal(allFactTexts(NO_FACTS), []);
  assert.equal(
    parseFacts(
      [
        ['joined', 'no'],
        ['renewOrigin', 'no'],
      ],
      fault,
    ),
    NO_FACTS,
  );
});

factTextTests('a text that can not be its fact is a fault, and never a default', () => {
  for (const [name, text] of [
    ['joined', 'maybe'],
    ['joined', ''],
    ['formedAt', '-1'],
    ['formedAt', '1e3'],
    ['cutAt', '9007199254740993'],
    ['renewOrigin', 'YES'],
    ['snapshotUnderWay', 'taken'],
    ['mapSum', '12 30000001'],
  ] as const)
    assert.throws(
      () => parseFacts([[name, text]], fault),
      (error: unknown) => error instanceof TestFault && error.message === name,
    );
});

factTextTests('a fact of a later version keeps its name and its text, whatever they are', () => {
  const others = Object.fromEntries([
    ['__proto__', 'one like any other'],
    ['rejoin', '{"state":"x"}'],
  ]);
  const facts = parseFacts(Object.entries(others), fault);
  assert.equal(facts, { ...NO_FACTS, others });
  assert.equal(allFactTexts(facts), Object.entries(others));
});

factTextTests('a commit writes no text of a fact that it does not name', () => {
  assert.equal(factTexts({ owesOrigin: false, snapshot: 'underWay' }), [
    ['renewOrigin', 'no'],
    ['snapshotUnderWay', 'yes'],
  ]);
});

factTextTests.run();
