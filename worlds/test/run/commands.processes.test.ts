/** The commands that read the logs of all processes: a trace as a tree, and the audit logs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startNode } from '../../../src/index.ts';
import { temporaryDirectory } from '../../../test/support/processes.ts';
import { AuditLog } from '../../access/audit.ts';
import { SlotStore } from '../../fleet/slotStore.ts';
import { startTimeOf } from '../../fleet/systemProcesses.ts';
import { packSave } from '../../rules/fences.ts';
import type { PlayerRecord } from '../../rules/progress.ts';
import { traceTree } from '../../rules/traceTree.ts';
import type { PlayerLine } from '../../run/playerCommand.ts';
import { linesOfTrace } from '../../run/traceCommand.ts';
import { openCache } from '../../tables/cache.ts';
import { PlayerRecords } from '../../tables/playerRecords.ts';
import { startProgram } from '../support/programs.ts';

const commands = suite('commands');

const RECORD: PlayerRecord = {
  position: { x: 0, y: 0 },
  coins: 0,
  milestone: 0,
  distance: 0,
  playedMs: 0,
  visits: 1,
  world: 'meadow',
  instance: 'eu-meadow-1-1',
  savedAtMs: 0,
};
const TRACE = 'ab'.repeat(16);

commands('a trace is found in the logs of all processes, among lines of all kinds', async () => {
  await using directory = await temporaryDirectory();
  const write = (file: string, lines: readonly (object | string)[]): void => {
    const text = lines.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    mkdirSync(join(directory.path, file, '..'), { recursive: true });
    writeFileSync(join(directory.path, file), `${text.join('\n')}\n`);
  };
  const at = (time: number, name: string, span: string, parent?: string) => ({
    level: 30,
    time,
    pid: 1,
    name,
    trace: TRACE,
    span,
    parent,
    msg: 'POST /join',
  });
  write('eu/logs/api.log', [
    { ...at(5, 'api', 'a'), status: 201, ms: 4 },
    { ...at(5, 'api', 'a'), trace: 'f'.repeat(32) },
    `a line that is no JSON "trace":"${TRACE}"`,
  ]);
  write('us/fleet/us-meadow-1.log', [
    { ...at(3, 'world', 'b', 'a'), err: { type: 'Error', message: 'away', stack: 's' } },
  ]);
  write('eu/fleet/slots.sqlite', [at(1, 'none', 'c')]);
  const lines = await linesOfTrace(directory.path, TRACE.slice(0, 10));
  assert.equal(traceTree(lines), [
    '     +2 ms  api: POST /join status=201 ms=4',
    '     +0 ms    world: POST /join err=away',
  ]);
});

commands('audit prints all lines by time, and verify exits with 1 if one was changed', async () => {
  await using directory = await temporaryDirectory();
  let nowMs = 1_764_000_000_000;
  const fleet = new AuditLog(join(directory.path, 'eu/fleet/audit'), () => nowMs++);
  const identity = new AuditLog(join(directory.path, 'eu/identity/audit'), () => nowMs++);
  const line = { who: 'a', role: 'operator', action: 'world.drain', result: 'done' } as const;
  fleet.write({ ...line, target: 'first' });
  identity.write({ ...line, target: 'second' });
  fleet.write({ ...line, target: 'third' });
  const run = async (...words: string[]): Promise<{ code: unknown; stdout: string }> => {
    await using command = startProgram('main.ts', { 'data-dir': directory.path }, [
      ...['audit', ...words],
    ]);
    return { code: await command.ended(), stdout: command.stdout };
  };
  const printed = await run();
  assert.equal(
    printed.stdout.match(/"target":"\w+"/g),
    ['first', 'second', 'third'].map((target) => `"target":"${target}"`),
  );
  const file = join(directory.path, 'eu/fleet/audit/audit.jsonl');
  assert.is((await run('verify')).code, 0);
  writeFileSync(file, readFileSync(file, 'utf8').replace('first', 'worst'));
  const verified = await run('verify');
  assert.is(verified.code, 1);
  assert.match(verified.stdout, /fleet\/audit: line 1 was changed\.\n/);
  assert.match(verified.stdout, /identity\/audit: 1 lines are whole/);
});

commands(
  'the history of a player spells out whose save each was, and which of them counts',
  async () => {
    await using directory = await temporaryDirectory();
    const dataDir = join(directory.path, 'eu/eu-node1');
    const player = `p${'0'.repeat(32)}`;
    {
      await using node = await startNode({ nodeId: 'eu-node1', port: 0, dataDir });
      await node.ready;
      await using cache = openCache({ endpoints: [node.url], token: null });
      const records = new PlayerRecords(cache);
      const save = (coins: number, fence: number, counter: number) =>
        records.save(player, { ...RECORD, coins }, packSave({ fence, counter }));
      await save(3, 1024, 1);
      await save(4, 1024, 2);
      await save(4, 2048, 1);
      assert.is((await save(5, 1024, 3)).type, 'conflict', 'the older seat');
      await records.remove(player);
    }
    const settings = { 'data-dir': directory.path };
    await using command = startProgram('main.ts', settings, ['player', player]);
    assert.is(await command.ended(), 0, command.stderr);
    const lines = command.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as PlayerLine);
    assert.equal(
      lines.map(({ node, kind, fence, counter, won }) => [node, kind, fence, counter, won]),
      [
        ['eu-node1', 'put', 1024, 1, true],
        ['eu-node1', 'put', 1024, 2, true],
        ['eu-node1', 'put', 2048, 1, true],
        ['eu-node1', 'delete', null, null, true],
      ],
    );
    assert.equal(lines[2]?.record, { v: 1, ...RECORD, coins: 4 });
    await using other = startProgram('main.ts', settings, ['player', `p${'1'.repeat(32)}`]);
    assert.is(await other.ended(), 1);
    assert.match(other.stderr, /remembers nothing/);
  },
);

commands(
  'pids names the processes that run a world now, and no other that has such a pid',
  async () => {
    await using directory = await temporaryDirectory();
    const startTime = startTimeOf(process.pid) ?? '';
    for (const [region, name] of [
      ['eu', { pid: process.pid, startTime }],
      // The process that had this pid has ended, and the system has given it again.
      ['us', { pid: process.ppid, startTime }],
    ] as const) {
      mkdirSync(join(directory.path, region, 'fleet'), { recursive: true });
      using store = new SlotStore(join(directory.path, region, 'fleet/slots.sqlite'));
      store.set('meadow', 1, 'running', 1);
      store.raiseEpoch('meadow', 1, 1);
      store.setProcess('meadow', 1, name);
    }
    const settings = { 'data-dir': directory.path };
    await using found = startProgram('main.ts', settings, ['pids', 'meadow']);
    assert.is(await found.ended(), 0, found.stderr);
    assert.is(found.stdout, `${process.pid}\n`);
    for (const words of [
      ['pids', 'harbour'],
      ['pids', 'meadow', '--region', 'us'],
    ]) {
      await using none = startProgram('main.ts', settings, words);
      assert.is(await none.ended(), 1);
      assert.match(none.stderr, /^No process runs (harbour|meadow)\.$/m);
    }
  },
);

commands.run();
