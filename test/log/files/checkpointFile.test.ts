import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DamagedCheckpointError } from '../../../src/log/checkpoints.ts';
import {
  CHECKPOINT_NAME,
  FileCheckpoints,
  UNFINISHED_CHECKPOINT_NAME,
} from '../../../src/log/files/checkpointFile.ts';
import {
  asyncFrames,
  checkpointConformance,
  readAll,
  SOME_FRAMES,
} from '../../conformance/checkpoints.ts';

checkpointConformance('file', async () => {
  const directory = temporaryDirectory();
  return {
    checkpoints: new FileCheckpoints(directory.path),
    remove: async () => directory[Symbol.dispose](),
  };
}).run();

function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'hearsay-checkpoint-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const test = suite('the file of a checkpoint');

const FRAMES = [Uint8Array.of(1, 2, 3), new Uint8Array(300).fill(4), Uint8Array.of(5)];

async function written(directory: string): Promise<string> {
  await new FileCheckpoints(directory).write(asyncFrames(FRAMES), () => true);
  return join(directory, CHECKPOINT_NAME);
}

const damageOf = (directory: string): Promise<unknown> =>
  readAll(new FileCheckpoints(directory)).catch((error: unknown) => error);

test('a change of any byte is found', async () => {
  using directory = temporaryDirectory();
  const file = await written(directory.path);
  const whole = readFileSync(file);
  for (let index = 0; index < whole.length; index++) {
    const damaged = Buffer.from(whole);
    damaged[index] = (damaged[index] ?? 0) ^ 0x10;
    writeFileSync(file, damaged);
    assert.instance(await damageOf(directory.path), DamagedCheckpointError, `byte ${index}`);
  }
});

test('a file that is cut short anywhere is found', async () => {
  using directory = temporaryDirectory();
  const file = await written(directory.path);
  for (let bytes = statSync(file).size - 1; bytes >= 0; bytes--) {
    truncateSync(file, bytes);
    assert.instance(await damageOf(directory.path), DamagedCheckpointError, `${bytes} bytes`);
  }
});

test('only its owner may read it, and a kill in the midst of writing leaves the one before', async () => {
  using directory = temporaryDirectory();
  const file = await written(directory.path);
  assert.is(statSync(file).mode & 0o777, 0o600);
  const unfinished = join(directory.path, UNFINISHED_CHECKPOINT_NAME);
  writeFileSync(unfinished, 'half');
  const checkpoints = new FileCheckpoints(directory.path);
  assert.equal(await readAll(checkpoints), FRAMES);
  await checkpoints.write(asyncFrames(SOME_FRAMES), () => true);
  assert.equal(await readAll(checkpoints), SOME_FRAMES);
  assert.not(existsSync(unfinished));
});

test.run();
