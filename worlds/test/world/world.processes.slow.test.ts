/** An instance as a process of its own, with a real node: from its start to its end by a signal. */
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCluster } from '../../../test/support/nodes.ts';
import { temporaryDirectory, waitFor } from '../../../test/support/processes.ts';
import { makeRoleKeys, openSigner } from '../../access/serviceTokens.ts';
import { ROLES } from '../../rules/grants.ts';
import { openCache } from '../../tables/cache.ts';
import { keyOf } from '../../tables/keys.ts';
import { Configurations, Revocations } from '../../tables/operatorTables.ts';
import { PlayerRecords } from '../../tables/playerRecords.ts';
import { type Session, sessionSchema } from '../../tables/schemas.ts';
import { TableMirror } from '../../tables/tableMirror.ts';
import { SESSION_PACE } from '../../world/sessionPublisher.ts';
import { meadow } from '../support/configurations.ts';
import { startProgram } from '../support/programs.ts';
import { openRelay } from '../support/relay.ts';
import { TestPlayer } from '../support/testPlayer.ts';
import { playerId } from '../support/testWorld.ts';

const world = suite('world process');

const SESSION_KEY = keyOf('session', 'eu', 'meadow', 'eu-meadow-1-3');

const startMeadow = (keys: string, nodes: string) =>
  startProgram('world/main.ts', { region: 'eu', world: 'meadow', slot: 1, epoch: 3, keys, nodes });

async function seatsOf(controlUrl: string, keys: string) {
  const signer = await openSigner(keys, 'api');
  const reserve = async (player: string): Promise<Response> =>
    fetch(`${controlUrl}/seats`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${await signer.tokenFor('eu-meadow-1-3')}` },
      body: JSON.stringify({ player, session: `s-${player}`, fence: 1024, previous: null }),
    });
  const play = async (player: string): Promise<TestPlayer> => {
    const answer = (await (await reserve(player)).json()) as {
      playUrl: string;
      seatToken: string;
    };
    return new TestPlayer(answer.playUrl, answer.seatToken).settled();
  };
  return { reserve, play };
}

world(
  'it tells about itself, heeds configuration and revocation, and ends with all saved',
  async () => {
    await using directory = await temporaryDirectory();
    await using cluster = await startCluster({ nodes: 1 });
    await using cache = openCache({ endpoints: [cluster.node(0).url], token: null });
    await using sessions = new TableMirror(cache, 'session', sessionSchema);
    await makeRoleKeys(directory.path, ROLES);
    const configurations = new Configurations(cache);
    await configurations.write('eu', 'meadow', meadow({ maxPlayers: 2 }), 0);

    await using process = startMeadow(directory.path, cluster.node(0).url);
    const session = (): Session | undefined => sessions.get(SESSION_KEY)?.value ?? undefined;
    await waitFor(() => session()?.state === 'active', 20_000, 'the session is listed');
    const { controlUrl = '' } = session() ?? {};
    const { reserve, play } = await seatsOf(controlUrl, directory.path);
    using walking = await play(playerId(1));
    assert.ok(walking.welcome);
    using revoked = await play(playerId(2));
    assert.is((await reserve(playerId(3))).status, 409);

    await configurations.write('eu', 'meadow', meadow({ maxPlayers: 3 }), 1);
    await waitFor(() => session()?.max === 3 && session()?.config === 2, 10_000, 'three seats');
    await new Revocations(cache).revoke(playerId(2), 'operator');
    assert.is(await revoked.closed(), 4403);

    const x = (): number => walking.view.figures.get(walking.you)?.[1] ?? 0;
    const from = x();
    // The place where the figure began is random: it may stand at the right edge.
    walking.walk(from < 600 ? 1 : -1, 0);
    await waitFor(() => Math.abs(x() - from) > 50, 10_000, 'the figure walks');
    process.signal('SIGINT');
    assert.is(await walking.closed(), 4410);
    assert.is(await process.ended(), 0, process.stderr);
    const { record } = await new PlayerRecords(cache).read(playerId(1));
    assert.ok((record?.distance ?? 0) > 0, 'the way is saved');
    assert.is(await cache.reader.get(SESSION_KEY), undefined, 'the session is gone');
    assert.ok(await cache.reader.get(keyOf('state', 'eu', 'meadow', 1)), 'the memory is there');
  },
);

world(
  'what an instance told of itself as it ended is gone, however late it reached the node',
  async () => {
    await using directory = await temporaryDirectory();
    await using cluster = await startCluster({ nodes: 1 });
    await using cache = openCache({ endpoints: [cluster.node(0).url], token: null });
    await using sessions = new TableMirror(cache, 'session', sessionSchema);
    await makeRoleKeys(directory.path, ROLES);
    await new Configurations(cache).write('eu', 'meadow', meadow({ maxPlayers: 2 }), 0);
    let late = 0;
    await using relay = await openRelay(cluster.node(0).url, async (body) => {
      if (!body.includes('"draining"')) return;
      await wait(500);
      late += 1;
    });

    await using process = startMeadow(directory.path, relay.url);
    const session = (): Session | undefined => sessions.get(SESSION_KEY)?.value ?? undefined;
    await waitFor(() => session()?.state === 'active', 20_000, 'the session is listed');
    const { play } = await seatsOf(session()?.controlUrl ?? '', directory.path);
    using sitting = await play(playerId(1));
    await waitFor(() => session()?.taken === 1, 20_000, 'the player is counted');
    // Where nothing was told for a while, a change is told at once.
    await wait(SESSION_PACE.atLeastMs);
    process.signal('SIGINT');
    assert.is(await sitting.closed(), 4410);
    assert.is(await process.ended(), 0, process.stderr);
    await waitFor(() => late > 0, 10_000, 'the late write has come');
    await relay.idle();
    assert.is(await cache.reader.get(SESSION_KEY), undefined, 'the session is gone');
  },
);

world('a missing setting is said in one sentence', async () => {
  await using process = startProgram('world/main.ts', { region: 'eu', world: 'No World' });
  assert.is(await process.ended(), 1);
  assert.match(process.stderr, /^--world \(WORLDS_WORLD\) is malformed: .*\n$/);
  await using other = startProgram('world/main.ts', { region: 'eu' });
  assert.is(await other.ended(), 1);
  assert.is(other.stderr, '--world (WORLDS_WORLD) is missing.\n');
});

world.run();
