/** A matcher of what fast-check throws: the fault that the counterexample leads to has this message. */
export const counterexampleOf =
  (message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof Error && error.cause instanceof Error && message.test(error.cause.message);
