import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import type { WriteResult } from '../../tables/instanceTables.ts';
import { RosterWriter } from '../../world/rosterWriter.ts';

const rosters = suite('roster writer');

rosters('a roster is told when it has changed, when it is old, and after a failure', async () => {
  const told: string[] = [];
  let answer: () => Promise<WriteResult> = async () => 'stored';
  const write = (players: readonly string[]): Promise<WriteResult> => {
    told.push(players.join());
    return answer();
  };
  const roster = new RosterWriter(write, 1e9);
  assert.is(await roster.write([]), 'stored', 'nobody is somebody to tell of at first');
  assert.is(await roster.write([]), null);
  assert.is(await roster.write(['a', 'b']), 'stored');
  assert.is(await roster.write(['a', 'b']), null);
  answer = async () => 'superseded';
  assert.is(await roster.write(['b']), 'superseded');
  answer = () => Promise.reject(new Error('no node'));
  await roster.write([]).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /no node/),
  );
  answer = async () => 'stored';
  assert.is(await roster.write([]), 'stored');
  assert.equal(told, ['', 'a,b', 'b', '', '']);

  const often = new RosterWriter(write, 20);
  await often.write(['a']);
  await waitFor(async () => (await often.write(['a'])) === 'stored', 5000, 'it is told again');
});

rosters.run();
