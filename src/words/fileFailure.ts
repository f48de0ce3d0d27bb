/** Why a file can't be opened, in words in the place of the codes of the system. */

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'it is not there'],
  ['ENOTDIR', 'a part of its path is no directory'],
  ['EISDIR', 'it is a directory'],
  ['EACCES', 'this user has no right to it'],
  ['EPERM', 'this user has no right to it'],
]);

/** @returns the end of a sentence, without its full stop. */
export function fileFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return ('code' in error ? REASONS.get(error.code) : undefined) ?? error.message;
}
