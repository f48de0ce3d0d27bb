/** A log whose ops are all offered is kept for a while, and no longer (rule 12). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KeptLogs } from '../../../src/gossip/driver/keptLogs.ts';
import { nothingOf, type SetAside } from '../../../src/replica/setAside.ts';
import { put } from '../../support/ops.ts';

const KEEP_MS = 100;
const OLD = 'node1.before';

const asideOf = (name: string): SetAside => ({
  ...nothingOf(name),
  name,
  members: [{ origin: name, nodeId: 'node1', url: null }],
  entries: [put({ origin: name, key: 'a', version: 7 })],
});

interface Kept {
  readonly logs: KeptLogs;
  readonly clock: { nowMs: number };
  readonly disk: { isFull: boolean };
}

function keptLogs(keepMs = KEEP_MS): Kept {
  const [clock, disk] = [{ nowMs: 1000 }, { isFull: false }];
  const logs = new KeptLogs({
    keepMs,
    steadyMs: () => clock.nowMs,
    isDiskFull: () => disk.isFull,
  });
  return { logs, clock, disk };
}

const kept = suite('logs that are kept once their ops are offered');

kept('each for its time', () => {
  const { logs, clock } = keptLogs();
  logs.add(asideOf(OLD), OLD);
  clock.nowMs += KEEP_MS - 1;
  logs.add(asideOf('node1.later'), 'node1.later');
  assert.equal(logs.takeOver(), []);
  assert.is(logs.count, 2);
  clock.nowMs += 1;
  assert.equal(logs.takeOver(), [OLD]);
  assert.equal(logs.takeOver(), []);
  assert.is(logs.count, 1);
});

kept('without such a time it goes at once', () => {
  const { logs } = keptLogs(0);
  logs.add(asideOf(OLD), OLD);
  assert.equal(logs.takeOver(), [OLD]);
});

kept('another rejoin does not prolong its time', () => {
  const { logs, clock } = keptLogs();
  logs.add(asideOf(OLD), OLD);
  clock.nowMs += KEEP_MS - 1;
  for (const aside of logs.takeAll()) logs.add(aside, OLD);
  clock.nowMs += 1;
  assert.equal(logs.takeOver(), [OLD]);
  logs.add(asideOf(OLD), OLD);
  assert.equal(logs.takeOver(), []);
});

kept('a disk that is full gets the room of all', () => {
  const { logs, disk } = keptLogs();
  logs.add(asideOf(OLD), OLD);
  disk.isFull = true;
  assert.equal(logs.takeOver(), [OLD]);
});

kept('its entries do not stay in memory, and the next offer is of what is dead', () => {
  const { logs } = keptLogs();
  logs.add(asideOf(OLD), OLD);
  assert.equal(logs.takeAll(), [{ ...asideOf(OLD), members: [], entries: [], isSettled: true }]);
  assert.is(logs.count, 0);
});

kept.run();
