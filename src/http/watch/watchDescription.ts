/** The watch, for the description (openapi.ts). */
import { z } from 'zod';
import { PROBLEM_TYPE } from '../answer/answer.ts';
import { problemSchema } from '../openapi/answerSchemas.ts';
import { watchEventSchema } from './events.ts';
import { watchQuerySchema } from './request.ts';

const problem = (description: string) => ({
  description,
  content: { [PROBLEM_TYPE]: { schema: problemSchema } },
});

export function describeWatch() {
  return {
    get: {
      summary: 'Watch keys by their prefix',
      description:
        'As Server-Sent Events, or with an upgrade as a WebSocket, each of whose messages is one ' +
        'event. Over a WebSocket, what is wrong with a cursor closes it with code 1008.',
      requestParams: {
        query: watchQuerySchema,
        header: z.object({
          'Last-Event-ID': z
            .string()
            .optional()
            .meta({ description: 'As `cursor`, and before it: browsers send it by themselves.' }),
        }),
      },
      responses: {
        '101': { description: 'Each message is the JSON of one event.' },
        '200': {
          description: 'The data of each event is this JSON, its id the cursor.',
          content: { 'text/event-stream': { schema: watchEventSchema } },
        },
        '400': problem('The query does not decode.'),
        '403': problem('Pages of this origin may not watch.'),
        '409': problem('The cursor is of another cluster, or not reached in time: see `reason`.'),
        '422': problem('A parameter is wrong.'),
        '503': problem('There are too many watchers, or the node has not joined a cluster yet.'),
      },
    },
  };
}
