/**
 * Refuses unknown options: a program that writes `ttl` for `ttlMs` would otherwise store an entry for
 * ever, in silence.
 */
import { InvalidRequestError } from './errors.ts';

/**
 * @param of the call, as a message names it: `put`.
 * @param known every option of the call.
 * @throws InvalidRequestError that names the option, and the nearest known one.
 */
export function checkNames(of: string, given: object, known: ReadonlySet<string>): void {
  if (typeof given !== 'object' || given === null)
    throw new InvalidRequestError(`The options of ${of} must be an object.`);
  for (const [name, value] of Object.entries(given)) {
    if (known.has(name) || value === undefined) continue;
    const nearest = nearestName(name, [...known]);
    const advice = nearest === null ? `it knows ${[...known].join(', ')}` : `it is ${nearest}`;
    throw new InvalidRequestError(`${name} is no option of ${of}: ${advice}.`);
  }
}

const MOST_EDITS = 2;

/** @returns the nearest known name: the same without its unit, or with few other letters. */
function nearestName(name: string, known: readonly string[]): string | null {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]|(ms|seconds|s)$/g, '');
  const wanted = plain(name);
  const same = known.find((one) => plain(one) === wanted);
  if (same !== undefined) return same;
  const part = known.find((one) => wanted.length > 2 && plain(one).includes(wanted));
  const distances = known.map((one) => [one, editDistance(wanted, plain(one))] as const);
  const [near] = distances.sort(([, left], [, right]) => left - right);
  const isNear = near !== undefined && near[1] <= Math.min(MOST_EDITS, wanted.length / 3);
  return isNear ? near[0] : (part ?? null);
}

/** The number of letters to add, to remove or to change. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_one, index) => index);
  for (const [at, letter] of [...left].entries()) {
    const next = [at + 1];
    for (const [index, other] of [...right].entries()) {
      const [above = 0, diagonal = 0, before = 0] = [row[index + 1], row[index], next[index]];
      next.push(Math.min(above + 1, before + 1, diagonal + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
