// time limit: 600 s
/** Each process of `npm run worlds` is killed in turn while players play: nobody is disconnected by any but a world. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { freePorts } from '../../../test/support/ports.ts';
import { temporaryDirectory, waitFor } from '../../../test/support/processes.ts';
import { verifyAudit } from '../../access/audit.ts';
import { SlotStore } from '../../fleet/slotStore.ts';
import { startTimeOf } from '../../fleet/systemProcesses.ts';
import { traceTree } from '../../rules/traceTree.ts';
import { planAt } from '../../run/place.ts';
import { linesOfTrace } from '../../run/traceCommand.ts';
import { PORTS, type Program } from '../../run/worldsPlan.ts';
import { complaintsOf } from '../support/exposition.ts';
import { startProgram } from '../support/programs.ts';
import { rounds } from '../support/rounds.ts';
import { TestPlayer } from '../support/testPlayer.ts';

const failures = suite('failures');

const BACK_LIMIT_MS = 5000;
const ELSEWHERE_LIMIT_MS = 10_000;

const guestSchema = z.object({ player: z.string(), access: z.string() });
const seatSchema = z.object({ instance: z.string(), playUrl: z.string(), seatToken: z.string() });

interface Playing {
  readonly access: string;
  instance: string;
  trace: string;
  client: TestPlayer;
}

failures(
  'no process takes a player away, and players of a dead world sit elsewhere at once',
  async () => {
    await using directory = await temporaryDirectory();
    const firstPort = await freePorts(PORTS + 1);
    const edgePort = firstPort + PORTS;
    const tls = { tlsCertFile: '', tlsKeyFile: '' };
    const place = { dataDir: directory.path, firstPort, edgePort, ...tls };
    await using worlds = startProgram('main.ts', {
      'data-dir': directory.path,
      'first-port': firstPort,
      'edge-port': edgePort,
    });
    await waitFor(() => worlds.stdout.includes('ready after'), 120_000, 'the regions are ready');
    const plan = await planAt(place);
    const [eu] = plan.regions;
    if (eu === undefined) throw new Error('There is no region.');
    const ends = new AsyncDisposableStack();
    await using _ends = ends;
    ends.defer(async () => {
      worlds.signal('SIGINT');
      await worlds.ended();
    });

    const post = (url: string, access: string, body: object): Promise<Response> =>
      fetch(url, {
        method: 'POST',
        headers: { Authorization: `Bearer ${access}`, 'Idempotency-Key': crypto.randomUUID() },
        body: JSON.stringify(body),
      });
    const sit = async (
      access: string,
      not: readonly string[],
    ): Promise<Omit<Playing, 'access'>> => {
      const answer = await post(`${eu.apiUrl}/join`, access, { regions: ['eu'], not });
      const [, trace = ''] = (answer.headers.get('traceresponse') ?? '').split('-');
      const { instance, playUrl, seatToken } = seatSchema.parse(await answer.json());
      const client = await new TestPlayer(playUrl, seatToken).settled();
      assert.ok(client.welcome, `welcome at ${instance}, or closed with ${client.closeCode}`);
      return { instance, trace, client };
    };
    let playing: Playing[] = [];
    await waitFor(
      async () => {
        const guest = await fetch(`${plan.identityUrl}/identity/guests`, { method: 'POST' });
        const { access } = guestSchema.parse(await guest.json());
        playing.push({ access, ...(await sit(access, [])) });
        return playing.length >= rounds(50);
      },
      60_000,
      'players sit',
    );

    // Each process is seen, and killed in turn.
    const programs: readonly (readonly [Program, string])[] = [
      [plan.identity, directory.path],
      ...[...eu.services, eu.fleet, ...eu.nodes].map((one) => [one, eu.paths.data] as const),
    ];
    for (const [{ name, file, healthUrl }] of programs) {
      if (!file.includes('/worlds/')) continue;
      const text = await (await fetch(new URL('/metrics', healthUrl))).text();
      assert.match(text, /^worlds_faults_total \d+$/m, name);
      assert.ok(['', null].includes(complaintsOf(text)), `${name}: ${complaintsOf(text)}`);
    }
    for (const [{ name, healthUrl }, data] of programs) {
      const pid = (): number => Number(readFileSync(join(data, 'logs', `${name}.pid`), 'utf8'));
      const killed = pid();
      process.kill(killed, 'SIGKILL');
      await waitFor(
        async () => pid() !== killed && (await fetch(healthUrl)).ok,
        BACK_LIMIT_MS,
        `${name} is back`,
      );
      assert.equal(
        playing.filter(({ client }) => client.closeCode !== null).map(({ instance }) => instance),
        [],
        `players who were disconnected while ${name} was away`,
      );
    }

    // A world is killed, and then another one is stopped without a word.
    const slots = () => {
      using store = new SlotStore(join(eu.paths.data, 'fleet/slots.sqlite'));
      return store.slots();
    };
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      const [first] = playing;
      if (first === undefined) throw new Error('Nobody plays.');
      const { instance } = first;
      const of = () =>
        slots().find((slot) => instance.startsWith(`eu-${slot.world}-${slot.slot}-`));
      const { process: name = null, epoch = 0 } = of() ?? {};
      if (name === null) throw new Error(`The process of ${instance} is unknown.`);
      process.kill(name.pid, signal);
      const seated: Playing[] = [];
      await waitFor(
        async () => {
          const next = playing.find(({ access }) => !seated.some((one) => one.access === access));
          if (next === undefined) return true;
          const isThere = next.instance === instance;
          seated.push(
            isThere ? { access: next.access, ...(await sit(next.access, [instance])) } : next,
          );
          return seated.length === playing.length;
        },
        ELSEWHERE_LIMIT_MS,
        `all sit elsewhere after ${signal}`,
      );
      assert.ok(seated.every((one) => one.instance !== instance));
      for (const one of playing) if (!seated.includes(one)) one.client[Symbol.dispose]();
      playing = seated;
      await waitFor(
        () => (of()?.epoch ?? 0) > epoch,
        20_000,
        `the slot is refilled after ${signal}`,
      );
      assert.is(startTimeOf(name.pid), null, 'the old process is gone before');
    }

    // The join that was traced went through the api and the world, and audits are whole.
    const traced = await linesOfTrace(directory.path, playing[0]?.trace ?? 'none');
    const tree = traceTree(traced).join('\n');
    assert.match(tree, / api: POST \/join .*status=20[01]/);
    assert.match(tree, / {3}world: POST \/seats .*status=20[01]/);
    assert.match(tree, / {5}world: connects /);
    assert.equal(verifyAudit(join(eu.paths.data, 'fleet/audit')), []);
    for (const { client } of playing) client[Symbol.dispose]();
  },
);

failures.run();
