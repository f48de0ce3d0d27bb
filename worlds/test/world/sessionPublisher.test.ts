import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import type { WriteResult } from '../../tables/instanceTables.ts';
import { Publisher } from '../../world/sessionPublisher.ts';

const publisher = suite('session publisher');

class Written {
  readonly atMs: number[] = [];
  result: WriteResult = 'stored';
  isAway = false;
  superseded = 0;
  failures = 0;

  open(everyMs: number, atLeastMs: number): Publisher {
    const write = async () => {
      this.atMs.push(performance.now());
      if (this.isAway) throw new Error('No node answers.');
      return this.result;
    };
    return new Publisher(
      { write, everyMs, atLeastMs },
      {
        onSuperseded: () => {
          this.superseded += 1;
        },
        onFailure: () => {
          this.failures += 1;
        },
      },
    );
  }

  get leastGapMs(): number {
    return Math.min(...this.atMs.slice(1).map((atMs, index) => atMs - (this.atMs[index] ?? 0)));
  }
}

publisher('writes at once, at each interval, and goes on after a failure', async () => {
  const written = new Written();
  using _publisher = written.open(30, 5);
  await waitFor(() => written.atMs.length >= 3, 5000, 'three writes');
  written.isAway = true;
  await waitFor(() => written.failures >= 2, 5000, 'two failures');
  written.isAway = false;
  const { length } = written.atMs;
  await waitFor(() => written.atMs.length > length + 1, 5000, 'further writes');
});

publisher('many changes make few writes, and the last change is written', async () => {
  const written = new Written();
  using changed = written.open(60_000, 50);
  await waitFor(() => written.atMs.length === 1, 5000, 'the first write');
  for (let round = 0; round < 4; round += 1) {
    const { length } = written.atMs;
    for (let change = 0; change < 100; change += 1) changed.change();
    await waitFor(() => written.atMs.length === length + 1, 5000, 'the change is written');
  }
  assert.is(written.atMs.length, 5);
  assert.ok(written.leastGapMs > 40, String(written.leastGapMs));
});

publisher('a process that was replaced is told once, and writes no more', async () => {
  const written = new Written();
  written.result = 'superseded';
  using replaced = written.open(5, 1);
  await waitFor(() => written.superseded === 1, 5000, 'it is told');
  replaced.change();
  const other = new Written();
  using _other = other.open(5, 1);
  await waitFor(() => other.atMs.length > 10, 5000, 'time has passed');
  assert.is(written.atMs.length, 1);
});

publisher('once disposed of, it is settled when the write under way has ended', async () => {
  const events: string[] = [];
  const answer = Promise.withResolvers<WriteResult>();
  const write = () => {
    events.push('begun');
    return answer.promise;
  };
  const ending = new Publisher(
    { write, everyMs: 1, atLeastMs: 1 },
    { onSuperseded: () => events.push('superseded'), onFailure: () => events.push('failed') },
  );
  await ending.settled;
  await waitFor(() => events.length === 1, 5000, 'a write is under way');
  ending[Symbol.dispose]();
  ending.change();
  const settled = ending.settled.then(() => events.push('settled'));
  await wait(20);
  events.push('answered');
  answer.reject(new Error('No node answers.'));
  await settled;
  await wait(20);
  assert.equal(events, ['begun', 'answered', 'failed', 'settled']);
});

publisher.run();
