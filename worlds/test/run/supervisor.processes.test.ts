/** No program outlives the supervisor that started it, whatever ends the supervisor. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../test/support/ports.ts';
import {
  CommandProcess,
  processExists,
  temporaryDirectory,
  waitFor,
} from '../../../test/support/processes.ts';
import { makeRoleKeys } from '../../access/serviceTokens.ts';
import { ROLES } from '../../rules/grants.ts';
import type { Program } from '../../run/worldsPlan.ts';
import { worldsProgram } from '../support/programs.ts';

const supervisor = suite('supervisor');

supervisor('a program ends once its supervisor was killed', async () => {
  await using directory = await temporaryDirectory();
  await makeRoleKeys(directory.path, ROLES);
  const port = await freePorts(1);
  const program: Program = {
    name: 'link',
    file: worldsProgram('link/main.ts'),
    words: ['--keys', directory.path, '--port', `${port}`, '--passages', '', '--crossings', ''],
    environment: {},
    healthUrl: `http://127.0.0.1:${port}/_health`,
  };
  const given = JSON.stringify({ program, logs: directory.path });
  const child = fileURLToPath(new URL('../support/supervisedChild.ts', import.meta.url));
  await using started = new CommandProcess([given], {}, undefined, child);
  await waitFor(() => started.stdout.includes('healthy'), 20_000, 'the program answers');
  const pid = Number(readFileSync(join(directory.path, 'link.pid'), 'utf8'));
  assert.ok(processExists(pid));
  started.signal('SIGKILL');
  await waitFor(() => !processExists(pid), 10_000, 'the program has ended');
});

supervisor.run();
