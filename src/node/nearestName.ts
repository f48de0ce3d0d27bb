/** Finds the known name nearest to an unknown one. */

/** @returns the known name that differs by its unit, by one letter, or by a missing part; else null. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]|(ms|bytes?|s)$/g, '');
  const [wanted, found] = [plain(name), known.map((one) => [one, plain(one)] as const)];
  const same = found.find(([, text]) => text === wanted);
  const part = found.find(([, text]) => wanted.length > 2 && text.includes(wanted));
  const near = found.find(([, text]) => isNear(wanted, text));
  return (same ?? near ?? part)?.[0] ?? null;
}

/** One letter too many, missing or wrong, or two neighbours that changed places. */
function isNear(left: string, right: string): boolean {
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  const [restLeft, restRight] = [left.slice(start), right.slice(start)];
  return (
    restLeft.slice(1) === restRight ||
    restLeft === restRight.slice(1) ||
    restLeft.slice(1) === restRight.slice(1) ||
    (restLeft.slice(2) === restRight.slice(2) &&
      restLeft[0] === restRight[1] &&
      restLeft[1] === restRight[0])
  );
}
