/** Between two parts of the bench: whose connection has ended keeps his seat for half a minute. */
import { z } from 'zod';
import { BotAccount } from '../bots/botAccount.ts';

const LOOK_MS = 500;
/** Reserved and held seats end by then, and the listing shows it. */
const LIMIT_MS = 90_000;

const listingSchema = z.object({
  worlds: z.array(z.object({ max: z.int(), instances: z.array(z.object({ free: z.int() })) })),
});

/** Waits until no world has a seat that is taken. @throws Error if there is one for too long. */
export async function emptied(edgeUrl: string): Promise<void> {
  await using account = await BotAccount.guest(edgeUrl, 0);
  const untilMs = performance.now() + LIMIT_MS;
  while (performance.now() < untilMs) {
    const { worlds } = listingSchema.parse(await (await account.ask('GET', '/worlds')).json());
    if (worlds.every(({ max, instances }) => instances.every(({ free }) => free === max))) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error('The seats of earlier players do not end.');
}
