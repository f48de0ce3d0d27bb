/**
 * The order of keys: that of their Unicode code points, which is the order of their bytes in UTF-8, and
 * so the same in lists, logs and SQLite. JavaScript compares UTF-16 code units, which puts characters
 * beyond U+FFFF (pairs of surrogates, from U+D800) before those from U+E000 on.
 */

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

/** @returns negative if `a` comes before `b`, positive if after, 0 if they are equal. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [unitA, unitB] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (unitA === unitB) continue;
    // Where the texts part, a surrogate stands for a code point above all that one unit can hold.
    if (isSurrogate(unitA) !== isSurrogate(unitB)) return isSurrogate(unitA) ? 1 : -1;
    return unitA - unitB;
  }
  return a.length - b.length;
}
