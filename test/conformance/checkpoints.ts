/** The duties of every store of checkpoints: at most one is kept, and it is whole or not there. */
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Checkpoints, DamagedCheckpointError } from '../../src/log/checkpoints.ts';
import { MIB } from '../../src/words/size.ts';

/** Makes a store without a checkpoint; it may be made again on the same place. */
export type NewCheckpoints = () => Promise<{
  readonly checkpoints: Checkpoints;
  readonly remove: () => Promise<void>;
}>;

export async function* asyncFrames(
  frames: Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const frame of frames) yield frame;
}

export async function readAll(checkpoints: Checkpoints): Promise<Uint8Array[] | null> {
  const stored = await checkpoints.open();
  if (stored === null) return null;
  try {
    const frames: Uint8Array[] = [];
    while (stored.nextBytes > 0) {
      const frame = new Uint8Array(stored.nextBytes);
      await stored.read(frame);
      frames.push(frame);
    }
    return frames;
  } finally {
    await stored.close();
  }
}

export const SOME_FRAMES: readonly Uint8Array[] = [
  Uint8Array.of(1),
  new Uint8Array(3 * MIB).fill(7),
  Uint8Array.from({ length: 1000 }, (_, index) => index % 251),
  new Uint8Array(5 * MIB).fill(9),
];

/** Makes the suite; the caller runs it. */
export function checkpointConformance(name: string, make: NewCheckpoints): Test {
  const test = suite(`checkpoint conformance: ${name}`);
  const each = (rule: string, run: (checkpoints: Checkpoints) => Promise<void>): void =>
    test(rule, async () => {
      const { checkpoints, remove } = await make();
      try {
        await run(checkpoints);
      } finally {
        await remove();
      }
    });

  each('frames come out as they went in', async (checkpoints) => {
    assert.is(await readAll(checkpoints), null);
    const bytes = await checkpoints.write(asyncFrames(SOME_FRAMES), () => true);
    assert.ok((bytes ?? 0) >= 8 * MIB);
    assert.equal(await readAll(checkpoints), SOME_FRAMES);
    await checkpoints.remove();
    assert.is(await readAll(checkpoints), null);
    await checkpoints.remove();
  });

  each(
    'a later checkpoint takes the place of the one before, unless it must not',
    async (checkpoints) => {
      await checkpoints.write(asyncFrames(SOME_FRAMES), () => true);
      const other = [Uint8Array.of(5, 6)];
      assert.is(await checkpoints.write(asyncFrames(other), () => false), null);
      assert.equal(await readAll(checkpoints), SOME_FRAMES);
      await checkpoints.write(asyncFrames(other), () => true);
      assert.equal(await readAll(checkpoints), other);
    },
  );

  each('one that fails half way leaves the one before', async (checkpoints) => {
    await checkpoints.write(asyncFrames(SOME_FRAMES), () => true);
    async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
      yield Uint8Array.of(1);
      throw new Error('half way');
    }
    const error = await checkpoints.write(failing(), () => true).catch((caught) => caught);
    assert.match(String(error), /half way/);
    assert.equal(await readAll(checkpoints), SOME_FRAMES);
  });

  each('a target of another length than the frame is refused', async (checkpoints) => {
    await checkpoints.write(asyncFrames(SOME_FRAMES), () => true);
    const stored = await checkpoints.open();
    const error = await stored?.read(new Uint8Array(2)).catch((caught: unknown) => caught);
    assert.instance(error, DamagedCheckpointError);
    await stored?.close();
  });

  return test;
}
