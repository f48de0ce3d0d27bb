/** The last words of an instance to the cache, and how long it waits for them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import type { WriteResult } from '../../tables/instanceTables.ts';
import { sayFarewell } from '../../world/farewell.ts';
import { Publisher } from '../../world/sessionPublisher.ts';

const farewell = suite('farewell');

/** The farewell of an instance whose last write is under way until it is `answered`. */
async function begin() {
  const events: string[] = [];
  const answer = Promise.withResolvers<WriteResult>();
  const limit = Promise.withResolvers<void>();
  const write = () => {
    events.push('write');
    return answer.promise;
  };
  const publisher = new Publisher(
    { write, everyMs: 60_000, atLeastMs: 1 },
    { onSuperseded: () => undefined, onFailure: () => events.push('write failed') },
  );
  await waitFor(() => events.length === 1, 5000, 'a write is under way');
  publisher[Symbol.dispose]();
  const tables = {
    writeMemory: async (): Promise<WriteResult> => {
      events.push('memory');
      return 'stored';
    },
    removeSession: async () => {
      events.push('removed');
    },
  };
  const over = sayFarewell({
    publisher,
    tables,
    memory: { seed: 1, tick: 0, takings: [] },
    onFault: () => events.push('fault'),
    wait: (ms) => {
      events.push(`at most ${ms} ms`);
      return limit.promise;
    },
  }).then(() => events.push('over'));
  return { events, answer, limit, over, tables };
}

const BEGUN = ['write', 'memory', 'at most 2000 ms'];

const turn = () => new Promise((resolve) => setImmediate(resolve));

farewell('where a write never ends, it goes on after two seconds', async () => {
  const { events, limit } = await begin();
  await turn();
  assert.equal(events, BEGUN);
  limit.resolve();
  await waitFor(() => events.includes('over'), 5000, 'the farewell is over');
  assert.equal(events, [...BEGUN, 'over'], 'nothing was removed before the write');
});

farewell('the session is removed once the write under way has ended, well or not', async () => {
  const { events, answer, over } = await begin();
  await turn();
  assert.equal(events, BEGUN);
  answer.reject(new Error('No node answers.'));
  await over;
  assert.equal(events, [...BEGUN, 'write failed', 'removed', 'over']);
});

farewell('a removal that fails is told, and ends it', async () => {
  const { events, answer, over, tables } = await begin();
  tables.removeSession = () => Promise.reject(new Error('No node answers.'));
  answer.resolve('stored');
  await over;
  assert.equal(events, [...BEGUN, 'fault', 'over']);
});

farewell.run();
