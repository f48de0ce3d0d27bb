/** The containers of worlds: who can reach whom, who gets which secret, and settings that their programs know. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { z } from 'zod';
import { temporaryDirectory } from '../../../test/support/processes.ts';
import { makeSecrets, makeSharedSecrets } from '../../run/secrets.ts';
import { secretsOfServices } from '../../run/serviceSecrets.ts';
import { REGIONS } from '../../run/worldsPlan.ts';
import { startProgram } from '../support/programs.ts';

const compose = suite('compose');

const FOLDER = new URL('../../', import.meta.url);
const textOf = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');

const serviceSchema = z.object({
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  networks: z
    .union([z.array(z.string()), z.record(z.string(), z.unknown()).transform(Object.keys)])
    .default([]),
  network_mode: z.string().optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  mem_limit: z.string(),
  pids_limit: z.number(),
});

const { services, networks, volumes } = z
  .object({
    services: z.record(z.string(), serviceSchema),
    networks: z.record(z.string(), z.object({ internal: z.boolean().default(false) }).nullable()),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(textOf('docker-compose.yml'), { merge: true }));

const named = (pattern: RegExp) => Object.entries(services).filter(([name]) => pattern.test(name));

compose('nodes, apis and the rest are on internal networks, of their own region alone', () => {
  assert.is(networks.eu?.internal, true);
  assert.is(networks.us?.internal, true);
  for (const [name, { networks: own }] of named(/^(eu|us)-/))
    assert.equal(
      own.filter((network) => network !== 'public'),
      [name.slice(0, 2)],
      name,
    );
  const outside = named(/./).filter(([, service]) => service.networks.includes('public'));
  assert.equal(
    outside.map(([name]) => name),
    ['eu-fleet', 'us-fleet', 'edge', 'operator'],
  );
});

compose('the edge and the play ports alone are published, for this machine unless told', () => {
  const published = named(/./).flatMap(([name, { ports, environment }]) =>
    ports.map((port) => ({ name, port, range: environment.WORLDS_PLAY_PORTS })),
  );
  assert.equal(
    published.map(({ name }) => name),
    ['eu-fleet', 'us-fleet', 'edge'],
  );
  for (const { name, port, range } of published) {
    assert.ok(port.startsWith('$'.concat('{PUBLIC_ADDRESS:-127.0.0.1}:')), name);
    if (range !== undefined) assert.ok(port.endsWith(`:${range}:${range}`), name);
  }
});

compose('each service gets the volume of its own secrets, which it can not write', () => {
  for (const [name, { volumes: own }] of named(/./)) {
    if (name === 'secrets') continue;
    const secrets = own.filter((volume) => volume.startsWith('secrets-'));
    const wanted = name
      .replace(/node\d$/, 'node')
      .replace('first-worlds', 'operator')
      .replace(/^operator$/, 'eu-operator');
    assert.equal(secrets, [`secrets-${wanted}:/secrets:ro`], name);
  }
  const made = services.secrets?.volumes.map((volume) => volume.split(':')[0]) ?? [];
  assert.is(services.secrets?.network_mode, 'none');
  assert.equal(
    made.toSorted(),
    Object.keys(volumes)
      .filter((volume) => volume.startsWith('secrets-'))
      .toSorted(),
  );
});

compose('a folder of secrets holds what its service needs, and no other key', async () => {
  await using directory = await temporaryDirectory();
  const shared = await makeSharedSecrets(directory.path);
  const folders: Record<string, string[]> = {};
  for (const region of REGIONS) {
    const paths = await makeSecrets(region, join(directory.path, region), shared);
    for (const [service, files] of Object.entries(secretsOfServices(region, paths, shared))) {
      folders[service] = Object.keys(files);
      for (const source of Object.values(files)) assert.ok(readFileSync(source).length > 0, source);
    }
  }
  const keysOf = (service: string): string[] =>
    folders[service]?.flatMap((name) => /^(\w+)\.key\.json$/.exec(name)?.[1] ?? []) ?? [];
  for (const region of REGIONS) {
    assert.equal(keysOf(`${region}-node`), []);
    assert.equal(keysOf(`${region}-api`), ['api']);
    assert.equal(keysOf(`${region}-fleet`), ['fleet', 'world']);
    assert.equal(keysOf(`${region}-maintenance`), ['maintenance']);
    assert.equal(keysOf(`${region}-operator`), ['operator']);
  }
  for (const service of ['identity', 'edge', 'link']) assert.equal(keysOf(service), []);
  const made = services.secrets?.volumes.flatMap((volume) => volume.split('/secrets/')[1] ?? []);
  assert.equal(Object.keys(folders).toSorted(), made?.filter((name) => name !== 'all').toSorted());
  const image = textOf('Dockerfile');
  for (const name of Object.keys(folders)) assert.match(image, new RegExp(`\\b${name}[ ;]`));
});

compose('each setting is one that its program knows', async () => {
  const programs = new Map<string, Set<string>>();
  for (const [, { command, environment }] of named(/./)) {
    const [file = ''] = command;
    const main = /^worlds\/(\w+)\/main\.js$/.exec(file)?.[1];
    if (main === undefined || main === 'command') continue;
    const given = programs.get(main) ?? new Set();
    for (const name of Object.keys(environment)) if (name.startsWith('WORLDS_')) given.add(name);
    programs.set(main, given);
  }
  assert.equal([...programs.keys()].toSorted(), [
    'api',
    'edge',
    'fleet',
    'identity',
    'link',
    'maintenance',
  ]);
  await Promise.all(
    [...programs].map(async ([main, given]) => {
      await using help = startProgram(`${main}/main.ts`, {}, ['--help']);
      assert.is(await help.ended(), 0);
      const known = new Set(
        [...help.stdout.matchAll(/env:\s*(WORLDS_\w+)/g)].map(([, name]) => name),
      );
      // Those of its neighbours in the file may stand beside its own.
      const unknown = [...given].filter((name) => !known.has(name));
      assert.equal(unknown, UNUSED[main] ?? [], main);
    }),
  );
});

/** All services of a region share its settings, and some have no use for one of them. */
const UNUSED: Readonly<Record<string, readonly string[]>> = {
  maintenance: ['WORLDS_LINK_URL', 'WORLDS_DATA_DIR'],
  identity: ['WORLDS_KEYS'],
};

compose.run();
