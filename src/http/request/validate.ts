/** Checks input against a schema and names the fault of each field. */
import type { z } from 'zod';
import { type FieldError, toldName, unprocessable } from '../answer/problem.ts';

/** The number of faults named in one answer; a body of a megabyte can hold a hundred thousand. */
const MAX_ERRORS = 20;

/** @throws Problem 422 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, MAX_ERRORS);
  throw unprocessable(distinct(issues.flatMap(fieldErrors)).slice(0, MAX_ERRORS));
}

/** A value that breaks several rules of its schema may be told the same for each. */
function distinct(errors: readonly FieldError[]): FieldError[] {
  return [
    ...new Map(errors.map((one) => [JSON.stringify([one.field, one.message]), one])).values(),
  ];
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      field: [...path.map(String), toldName(key)].join('.'),
      message,
    }));
  return [{ field: path.length === 0 ? 'body' : path.map(String).join('.'), message }];
}
