/** A log that changes while `verify` walks over it is no damaged one. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageLimit } from '../../../src/log/log.ts';
import type { StoredLog } from '../../../src/log/memory.ts';
import type { LogFacts, Page } from '../../../src/log/tools/logSource.ts';
import { verify } from '../../../src/log/tools/verify.ts';
import { Compactor } from '../../../src/replica/compact.ts';
import type { Row } from '../../../src/words/row.ts';
import { openReplica, putting, type TestReplica } from '../../support/replicas.ts';
import { MemorySource } from './memorySource.ts';

const NOW = 1_795_000_000_000;

/** Another log is read from the second page on. */
class ChangingSource extends MemorySource {
  readonly #after: MemorySource;
  #pages = 0;

  constructor(before: StoredLog, after: StoredLog) {
    super(before, NOW);
    this.#after = new MemorySource(after, NOW);
  }

  override async facts(): Promise<LogFacts> {
    return this.#pages < 2 ? super.facts() : this.#after.facts();
  }

  override async rows(after: number, upTo: number, limit: PageLimit): Promise<Page<Row>> {
    this.#pages++;
    return this.#pages < 2 ? super.rows(after, upTo, limit) : this.#after.rows(after, upTo, limit);
  }
}

async function written(nodeId: string, writes: number): Promise<TestReplica> {
  const test = await openReplica({ nodeId, nowMs: NOW });
  await test.replica.membership.form('the cluster', `{"nodeId":"${nodeId}","url":null}`);
  for (let version = 1; version <= writes; version++) {
    await test.replica.submit([putting('a', { version }), putting(`k${version}`)]);
    test.clock.nowMs += 1000;
  }
  return test;
}

const changing = suite('verify of a log that changes meanwhile');

changing('rows that are compacted away meanwhile are not missing', async () => {
  const { replica, log } = await written('node1', 10);
  const before = log.stored();
  const stable = { vector: replica.wholeVector(), clock: replica.nowMs() };
  await replica.forgetting.collect(stable, 1000);
  assert.ok((await new Compactor(replica, 0).run()).rows > 5);
  const after = log.stored();
  const { findings, rows } = await verify(new ChangingSource(before, after), { aheadMs: 60_000 });
  assert.equal(findings, []);
  assert.is(rows, after.rows.length);
});

changing('a log that another one has taken the place of is not damaged', async () => {
  const [before, after] = [await written('node1', 10), await written('node2', 4)];
  const source = new ChangingSource(before.log.stored(), after.log.stored());
  const { findings, facts } = await verify(source, { aheadMs: 60_000 });
  assert.equal(findings, []);
  assert.is(facts.header.origin, after.replica.origin);
});

changing.run();
