/** `verify` holds the checkpoint beside a log against the log. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CHECKPOINT_NAME, FileCheckpoints } from '../../../src/log/files/checkpointFile.ts';
import { FileSource } from '../../../src/log/files/fileSource.ts';
import { readCheckpoint } from '../../../src/log/files/readCheckpoint.ts';
import { openSqliteLog } from '../../../src/log/sqlite/sqliteLog.ts';
import { type Verified, verify } from '../../../src/log/tools/verify.ts';
import { Checkpointer } from '../../../src/replica/checkpointing.ts';
import { Replica } from '../../../src/replica/replica.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { newEntries } from '../../support/entries.ts';
import { tombstone } from '../../support/ops.ts';
import { deleting, putting } from '../../support/replicas.ts';

const test = suite('a checkpoint that is verified');

/**
 * A log with a checkpoint and rows after it.
 *
 * @param spoil changes the map before it is captured. @param after changes it then.
 */
async function verified(
  change: (file: string) => void,
  spoil: (replica: Replica) => void = () => {},
  after: (replica: Replica) => void = () => {},
): Promise<Verified> {
  const directory = mkdtempSync(join(tmpdir(), 'hearsay-verify-'));
  try {
    const log = await openSqliteLog({
      directory,
      durability: 'full',
      clusterName: 'hearsay',
      newOrigin: () => 'node1.aaaaaa',
    });
    const replica = await Replica.open({
      nodeId: 'node1',
      log,
      place: directory,
      clock: Date.now,
      limits: defaultLimits,
      entries: newEntries(),
    });
    await replica.submit([putting('a'), putting('b'), putting('c', { ttlMs: 10 ** 9 })]);
    spoil(replica);
    await new Checkpointer({
      replica,
      checkpoints: new FileCheckpoints(directory),
      aheadMs: 0,
      pause: async () => {},
      steadyMs: () => 0,
      note: () => {},
    }).run();
    after(replica);
    await replica.submit([deleting('a'), putting('d')]);
    await replica.close();
    change(join(directory, CHECKPOINT_NAME));
    const source = FileSource.open(directory, Date.now);
    try {
      return await verify(source, { aheadMs: 0, checkpoint: () => readCheckpoint(source.place) });
    } finally {
      await source.close();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const textsOf = ({ findings }: Verified): string[] => findings.map(({ text }) => text);

test('a sound one passes, with the rows after it', async () => {
  const result = await verified(() => {});
  assert.equal(textsOf(result), []);
  assert.equal(result.checkpoint, { lsn: 3, unused: null, fault: null });
});

test('none is no fault', async () => {
  const result = await verified((file) => rmSync(file));
  assert.equal([textsOf(result), result.checkpoint], [[], null]);
});

test('a damaged one is a finding', async () => {
  const result = await verified((file) => {
    const bytes = readFileSync(file);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  });
  assert.match(
    textsOf(result).join(),
    /can't be used, because a part of it does not have its checksum/,
  );
});

test('one that lacks an entry is a finding, although its checksums are true', async () => {
  const result = await verified(
    () => {},
    (replica) => replica.map.drop('b'),
  );
  assert.match(textsOf(result).join(), /the rows after it fold to the map sum/);
});

test('of a key whose greater op was collected, the op that won later counts, as at a start', async () => {
  const collected = tombstone({ key: 'd', version: 9, origin: 'node2.bbbbbb' });
  const result = await verified(
    () => {},
    (replica) => replica.map.fold(collected, 3),
    (replica) => replica.map.drop('d'),
  );
  assert.equal(textsOf(result), []);
  assert.is(result.checkpoint?.unused, null);
});

test.run();
