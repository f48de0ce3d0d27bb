/** A fleet and its worlds as processes, with a real node: replacement, adoption, and the end of all. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../../test/support/nodes.ts';
import { freePorts } from '../../../test/support/ports.ts';
import { temporaryDirectory, waitFor } from '../../../test/support/processes.ts';
import { makeRoleKeys, openSigner } from '../../access/serviceTokens.ts';
import { SlotStore } from '../../fleet/slotStore.ts';
import { startTimeOf } from '../../fleet/systemProcesses.ts';
import type { Role } from '../../rules/grants.ts';
import { ROLES } from '../../rules/grants.ts';
import { fleetName } from '../../slots/linkMessages.ts';
import { slotsSchema } from '../../slots/slotMessages.ts';
import { openCache } from '../../tables/cache.ts';
import { Configurations } from '../../tables/operatorTables.ts';
import { sessionSchema } from '../../tables/schemas.ts';
import { TableMirror } from '../../tables/tableMirror.ts';
import { meadow } from '../support/configurations.ts';
import { startProgram } from '../support/programs.ts';

const fleet = suite('fleet process');

fleet(
  'worlds are replaced, outlive a killed fleet, and end with one that is interrupted',
  async () => {
    await using directory = await temporaryDirectory();
    await using cluster = await startCluster({ nodes: 1 });
    await using cache = openCache({ endpoints: [cluster.node(0).url], token: null });
    await using sessions = new TableMirror(cache, 'session', sessionSchema);
    await makeRoleKeys(directory.path, ROLES);
    await new Configurations(cache).write('eu', 'meadow', meadow(), 0);
    const port = await freePorts(1);
    const dataDir = join(directory.path, 'fleet');
    const start = () =>
      startProgram('fleet/main.ts', {
        region: 'eu',
        nodes: cluster.node(0).url,
        keys: directory.path,
        port,
        'data-dir': dataDir,
      });
    const ask = async (
      role: Role,
      method: string,
      path: string,
      body?: object,
    ): Promise<Response> => {
      const signer = await openSigner(directory.path, role);
      return fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { Authorization: `Bearer ${await signer.tokenFor(fleetName('eu'))}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    };
    const state = async (): Promise<string | undefined> =>
      slotsSchema.parse(await (await ask('maintenance', 'GET', '/slots')).json()).slots[0]?.state;
    const stored = () => {
      using store = new SlotStore(join(dataDir, 'slots.sqlite'));
      return store.slots()[0];
    };
    const pid = (): number => stored()?.process?.pid ?? 0;
    const instances = (): string[] =>
      [...sessions.rows()].map(({ key }) => key.split('/').at(-1) ?? '');
    await using ends = new AsyncDisposableStack();
    ends.defer(() => {
      // Of pid 0, a signal goes to the processes of the test itself.
      if (startTimeOf(pid()) !== null) process.kill(pid(), 'SIGKILL');
    });

    const first = ends.use(start());
    await waitFor(async () => (await state()) === undefined, 20_000, 'the fleet answers');
    assert.is((await ask('api', 'PUT', '/slots/meadow/1', {})).status, 403);
    assert.is((await ask('maintenance', 'PUT', '/slots/meadow/0', {})).status, 422);
    const wanted = { desired: 'running', config: 1 };
    assert.is((await ask('maintenance', 'PUT', '/slots/meadow/1', wanted)).status, 201);
    assert.is((await ask('maintenance', 'PUT', '/slots/meadow/1', wanted)).status, 200);
    const older = await ask('maintenance', 'PUT', '/slots/meadow/1', { ...wanted, config: 0 });
    assert.is(older.status, 409);
    await waitFor(async () => (await state()) === 'running', 30_000, 'the world runs');

    process.kill(pid(), 'SIGKILL');
    await waitFor(
      () => instances().includes('eu-meadow-1-2'),
      30_000,
      'another one took its place',
    );
    await waitFor(async () => (await state()) === 'running', 10_000, 'the fleet knows it');
    const second = pid();

    first.signal('SIGKILL');
    await first.ended();
    const next = ends.use(start());
    await waitFor(async () => (await state()) === 'running', 20_000, 'the next fleet adopts it');
    assert.is(pid(), second);
    assert.is(stored()?.epoch, 2);

    next.signal('SIGINT');
    assert.is(await next.ended(), 0, next.stderr);
    assert.is(startTimeOf(second), null, 'the world has ended');
    await waitFor(() => instances().length === 0, 10_000, 'its session is gone');
  },
);

fleet.run();
