/** Asks the private listener of an instance for a seat. */
import { z } from 'zod';
import type { ServiceSigner } from '../access/serviceTokens.ts';
import type { RegionFetch } from '../http/regionFetch.ts';
import { traceHeaders } from '../process/spans.ts';
import type { Candidate } from '../rules/instanceChoice.ts';
import type { SeatAnswer, SeatRequest } from './joins.ts';

const ASK_LIMIT_MS = 2000;

const grantSchema = z.object({
  instance: z.string(),
  playUrl: z.string(),
  seatToken: z.string(),
  expiresAt: z.string(),
});
const refusalSchema = z.object({ reason: z.enum(['full', 'draining']) });

export const seatAsker =
  (signer: ServiceSigner, ask: RegionFetch) =>
  async (
    { region, instance, controlUrl }: Candidate,
    request: SeatRequest,
  ): Promise<SeatAnswer> => {
    try {
      const answer = await ask(region, `${controlUrl}/seats`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${await signer.tokenFor(instance)}`,
          'Content-Type': 'application/json',
          ...traceHeaders(),
        },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(ASK_LIMIT_MS),
      });
      const body: unknown = await answer.json();
      if (answer.ok)
        return { type: 'seat', isNew: answer.status === 201, grant: grantSchema.parse(body) };
      const refusal = refusalSchema.safeParse(body);
      return { type: 'refused', reason: refusal.data?.reason ?? 'unreachable' };
    } catch {
      return { type: 'refused', reason: 'unreachable' };
    }
  };
