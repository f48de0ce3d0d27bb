/** Schemas of requests for the log. */
import { z } from 'zod';
import { MAX_NODE_PAGE_ROWS, MAX_ROWS_AT } from '../../log/tools/logSource.ts';

/** An lsn, a number of rows, or a number of milliseconds. */
const count = z
  .string()
  .regex(/^\d{1,16}$/, 'must be a whole number')
  .transform(Number)
  .refine(Number.isSafeInteger, 'must be below 2^53');

const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((text) => text === 'true');

export const logRowsQuerySchema = z.object({
  after: count.default(0).meta({ description: 'Rows with a greater lsn.' }),
  upto: count.optional().meta({ description: 'Rows up to this lsn.' }),
  before: count.optional().meta({ description: 'Rows with a smaller lsn, the greatest first.' }),
  lsns: z
    .string()
    .regex(/^\d{1,16}(,\d{1,16})*$/, 'must be lsns separated by commas')
    .transform((text) => text.split(',').map(Number))
    .refine((lsns) => lsns.length <= MAX_ROWS_AT, `must not be more than ${MAX_ROWS_AT}`)
    .optional()
    .meta({ description: 'These rows.' }),
  key: z.string().optional().meta({ description: 'Rows on this key.' }),
  limit: count.optional().meta({
    description: `One page of at most this number of rows, and of no more than ${MAX_NODE_PAGE_ROWS}; by default all.`,
  }),
  values: flag
    .default(true)
    .meta({ description: 'false: without values, but with their lengths.' }),
  follow: flag.default(false).meta({ description: 'true: goes on with new rows.' }),
});

export type LogRowsQuery = z.output<typeof logRowsQuerySchema>;

export const compactQuerySchema = z.object({
  retention_ms: count.optional().meta({ description: 'Default: the setting of the node.' }),
});
