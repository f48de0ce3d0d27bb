/** Asks another instance to let go of a player who has a newer seat here. */
import { z } from 'zod';
import type { ServiceSigner } from '../access/serviceTokens.ts';
import type { RegionFetch } from '../http/regionFetch.ts';
import { traceHeaders } from '../process/spans.ts';
import type { AskToLetGo } from './guests.ts';

/**
 * The longest wait for the other instance. One that lives but is busy, as when it sends all its players away, loses
 * what they have gained since its last save if it answers later. Of one that is stopped as it drains, the players notice it in six
 * seconds, and are to play elsewhere in ten.
 */
const ASK_LIMIT_MS = 3000;

const savedSchema = z.object({ saved: z.string().nullable() });

export const displacer =
  (signer: ServiceSigner, ask: RegionFetch): AskToLetGo =>
  async (from, player, fence) => {
    try {
      const answer = await ask(
        from.region,
        `${from.controlUrl}/seats/${encodeURIComponent(player)}?fence=${fence}`,
        {
          method: 'DELETE',
          headers: {
            Authorization: `Bearer ${await signer.tokenFor(from.instance)}`,
            ...traceHeaders(),
          },
          signal: AbortSignal.timeout(ASK_LIMIT_MS),
        },
      );
      return answer.ok ? savedSchema.parse(await answer.json()).saved : null;
    } catch {
      return null;
    }
  };
