/** A player of a test who takes coins. */
import { waitFor } from '../../../test/support/processes.ts';
import type { TestPlayer } from './testPlayer.ts';

/** Walks to the nearest coin until it has taken some, and stands still then: what the view shows is all that it has. */
export async function takeCoins(player: TestPlayer, count: number): Promise<void> {
  const start = player.view.figures.get(player.you)?.[4] ?? 0;
  let last = '';
  await waitFor(
    () => {
      const [, x, y, , coins] = player.view.figures.get(player.you) ?? [0, 0, 0, 0, 0];
      if (coins - start >= count) return true;
      const far = ([, cx, cy]: readonly [number, number, number]) =>
        Math.max(Math.abs(cx - x), Math.abs(cy - y));
      const [nearest] = [...player.view.coins.values()].toSorted((a, b) => far(a) - far(b));
      if (nearest === undefined) return false;
      const [dx, dy] = [nearest[1] - x, nearest[2] - y].map((way) =>
        Math.abs(way) < 8 ? 0 : Math.sign(way),
      );
      // A figure that stands takes nothing.
      const isThere = dx === 0 && dy === 0;
      if (last !== `${dx} ${dy}`) player.walk(isThere ? 1 : (dx ?? 0), dy ?? 0);
      last = `${dx} ${dy}`;
      return false;
    },
    60_000,
    `${count} coins`,
  );
  player.walk(0, 0);
  const { seq } = player;
  const stands = (): boolean => (player.view.figures.get(player.you)?.[3] ?? 0) >= seq;
  await waitFor(() => stands() || player.closeCode !== null, 10_000, 'the figure stands');
}
