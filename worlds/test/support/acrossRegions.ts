/** A player who goes from one region to the other by the api of the first: all of it goes through the link. */
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { waitFor } from '../../../test/support/processes.ts';
import { takeCoins } from './coins.ts';
import type { RunningRegions } from './runningRegions.ts';
import { TestPlayer } from './testPlayer.ts';

const seatSchema = z.object({
  instance: z.string(),
  playUrl: z.string(),
  seatToken: z.string(),
});

/** The api of eu gets a seat in us, and the world there has the one in eu let go of the player. */
export async function acrossRegions(regions: RunningRegions, access: string): Promise<void> {
  const { apiUrl } = regions.region('eu');
  const seats: z.output<typeof seatSchema>[] = [];
  const play = async (path: string): Promise<TestPlayer> => {
    const headers = { Authorization: `Bearer ${access}`, 'Idempotency-Key': crypto.randomUUID() };
    const body = JSON.stringify({ from: seats.at(-1)?.instance ?? null });
    await waitFor(
      async () => {
        const answer = await fetch(apiUrl + path, { method: 'POST', headers, body });
        assert.ok(answer.ok, `${path}: ${answer.status}`);
        return seats.push(seatSchema.parse(await answer.json())) > 0;
      },
      20_000,
      `a seat by ${path}`,
    );
    const { playUrl = '', seatToken = '' } = seats.at(-1) ?? {};
    return new TestPlayer(playUrl, seatToken).settled();
  };
  using here = await play('/worlds/eu/harbour/join');
  await takeCoins(here, 2);
  using there = await play('/worlds/us/meadow/join');
  const coins = here.view.figures.get(here.you)?.[4] ?? 0;
  assert.ok((there.welcome?.total ?? 0) >= coins, `${there.welcome?.total} of ${coins} coins`);
  there.send([2]);
  await there.closed();
}
