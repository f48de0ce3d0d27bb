/** `npm run worlds` as a person starts it: bots play as soon as it is ready, and Ctrl-C ends all. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../test/support/ports.ts';
import { temporaryDirectory, waitFor } from '../../../test/support/processes.ts';
import { SlotStore } from '../../fleet/slotStore.ts';
import { startTimeOf } from '../../fleet/systemProcesses.ts';
import { PORTS, REGIONS } from '../../run/worldsPlan.ts';
import { startProgram } from '../support/programs.ts';

const region = suite('region');

region('bots play in a region, and its end leaves no process', async () => {
  await using directory = await temporaryDirectory();
  const port = await freePorts(PORTS + 1);
  await using worlds = startProgram('main.ts', {
    'data-dir': directory.path,
    'first-port': port,
    'edge-port': port + PORTS,
  });
  await waitFor(() => worlds.stdout.includes('ready after'), 60_000, 'the region is ready');
  const pids = (): number[] => {
    return REGIONS.flatMap((name) => {
      using store = new SlotStore(join(directory.path, name, 'fleet/slots.sqlite'));
      return store.slots().flatMap(({ process: one }) => (one === null ? [] : [one.pid]));
    });
  };
  assert.is(pids().length, 3, 'all worlds are started');
  await using bots = startProgram('bots/main.ts', {
    count: 5,
    seconds: 3,
    'edge-url': `http://127.0.0.1:${port + PORTS}`,
  });
  assert.is(await bots.ended(), 0, bots.stdout);
  assert.match(bots.stdout, /"seated":5/);
  assert.match(bots.stdout, /"faults":0/);
  const last = pids();
  worlds.signal('SIGINT');
  assert.is(await worlds.ended(), 0, worlds.stderr);
  for (const pid of last) assert.is(startTimeOf(pid), null);
  for (const at of [0, 1, 2, 6, 10, 13, 24, 29, PORTS])
    await fetch(`http://127.0.0.1:${port + at}/_health`).then(
      () => assert.unreachable('something still listens'),
      () => {},
    );
});

region.run();
