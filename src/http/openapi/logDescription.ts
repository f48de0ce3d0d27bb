/** The routes of the log and of the members, for the description (openapi.ts). */
import { z } from 'zod';
import { TOKEN_HEADER } from '../../net/internalToken.ts';
import { JSON_TYPE, PROBLEM_TYPE } from '../answer/answer.ts';
import { LINES_TYPE } from '../routes/logRows.ts';
import { compactQuerySchema, logRowsQuerySchema } from '../routes/logSchemas.ts';
import { retireBodySchema } from '../routes/memberRoutes.ts';
import { problemSchema } from './answerSchemas.ts';

const problem = (description: string) => ({
  description,
  content: { [PROBLEM_TYPE]: { schema: problemSchema } },
});

const header = z.object({
  [TOKEN_HEADER]: z.string().meta({ description: 'The token that nodes show one another.' }),
});
const UNAUTHORIZED = { '401': problem('The token is missing or wrong.') };
const BAD_QUERY = { '422': problem('A parameter is wrong.') };

const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { [JSON_TYPE]: { schema } },
});

/** Of GET /cache/{key}. */
export const atQuerySchema = z.object({
  at: z.string().optional().meta({
    description:
      'The entry as this node held it at a time (RFC 3339, or `-10m`), an lsn (`lsn:123`) or a cursor.',
  }),
});
export const AT_ANSWERS = {
  '410': problem('`at` is before the cut: compaction has removed what was there.'),
  '422': problem('`at` is no point of the log of this node.'),
};

export const describeLog = () => ({
  '/_log': {
    get: {
      summary: 'What is known of the log of this node as a whole',
      requestParams: { header },
      responses: {
        '200': json(
          'Its header, and the record of each origin.',
          z.looseObject({
            node: z.string(),
            first_lsn: z.int(),
            last_lsn: z.int(),
            size_bytes: z.int(),
          }),
        ),
        ...UNAUTHORIZED,
      },
    },
  },
  '/_log/rows': {
    get: {
      summary: 'The rows of the log of this node',
      requestParams: { header, query: logRowsQuerySchema },
      responses: {
        '200': {
          description:
            'One line of JSON a row; at the end one with `next`, after which lsn the next page starts.',
          content: { [LINES_TYPE]: { schema: z.string() } },
        },
        ...UNAUTHORIZED,
        ...BAD_QUERY,
      },
    },
  },
  '/_log/compact': {
    post: {
      summary: 'Compact the log of this node now',
      requestParams: { header, query: compactQuerySchema },
      responses: {
        '200': json('How many rows went.', z.object({ node: z.string(), rows: z.int() })),
        ...UNAUTHORIZED,
        '409': problem('A compaction is under way.'),
        ...BAD_QUERY,
      },
    },
  },
  '/_cluster/retire': {
    post: {
      summary: 'Take out a member that is lost',
      requestParams: { header },
      requestBody: { required: true, content: { [JSON_TYPE]: { schema: retireBodySchema } } },
      responses: {
        '200': json(
          'It is no member any more.',
          z.object({ status: z.literal('retired'), node: z.string(), origin: z.string() }),
        ),
        ...UNAUTHORIZED,
        '404': problem('There is no such member.'),
        '409': problem('It is this node itself, or several members have that node id.'),
        '422': problem('A field is missing or wrong; `errors` names it.'),
      },
    },
  },
});
