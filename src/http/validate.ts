/** Holds input against a schema and tells what is wrong with it field by field. */
import type { z } from 'zod';
import { type FieldError, unprocessable } from './problem.ts';

/** Errors named in one answer; a body of a megabyte can hold a hundred thousand. */
const MAX_ERRORS = 20;

/** @throws Problem 422 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw unprocessable(result.error.issues.slice(0, MAX_ERRORS).map(fieldError));
}

const fieldError = ({ path, message }: z.core.$ZodIssue): FieldError => ({
  field: path.length === 0 ? 'body' : path.map(String).join('.'),
  message,
});
