/** A ticket for a watch by `EventSource`: POST /_ticket. */
import { z } from 'zod';
import type { Callers } from '../access/callers.ts';
import { TICKET_LIFE_MS } from '../access/tickets.ts';
import { answerJson } from '../answer/answer.ts';
import { BAD_QUERY, json, problem } from '../openapi/answers.ts';
import type { Routes } from './route.ts';

const ticketSchema = z.object({
  ticket: z.string().meta({ description: 'For `GET /watch?ticket=`, once.' }),
  expires_at: z.iso.datetime(),
});

/** @param nowMs UTC milliseconds. */
export function addTicketRoute(routes: Routes, callers: Callers, nowMs: () => number): void {
  routes.add({
    method: 'POST',
    path: '/_ticket',
    needs: 'watch',
    touches: ({ prefix }) => prefix,
    summary: 'Get a ticket for one watch',
    description:
      `For pages, whose EventSource can send no token: the ticket counts for ${TICKET_LIFE_MS / 1000} s, once, and for ` +
      'keys with the prefix. The watch ends with the token for which the ticket was given.',
    query: z.object({
      prefix: z
        .string()
        .default('')
        .meta({ description: 'The prefix of the watch begins with it.' }),
    }),
    answers: {
      '200': json('The ticket.', ticketSchema),
      ...BAD_QUERY,
      '503': problem('Too many tickets wait to be used.'),
    },
    handler: ({ ctx, caller, query: { prefix } }) => {
      const { text, expiresAt } = callers.tickets.issue(caller, prefix, nowMs());
      answerJson(
        ctx,
        JSON.stringify({ ticket: text, expires_at: new Date(expiresAt).toISOString() }),
      );
    },
  });
}
