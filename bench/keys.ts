/** The keys and the values of the benches: key1, key2 and so on, with about 100 bytes each. */

export const keyOf = (index: number): string => `key${index + 1}`;

export const VALUE = { text: 'x'.repeat(86) };
export const VALUE_TEXT = JSON.stringify(VALUE);
export const VALUE_BYTES = VALUE_TEXT.length;

/** The body of a PUT that always succeeds. */
export const PUT_BODY = JSON.stringify({ value: VALUE, version: 'next' });

/** Up to `count` numbers below `below`, evenly spread. */
export const spread = (below: number, count: number): number[] =>
  Array.from({ length: Math.min(count, below) }, (_, index) =>
    Math.floor((index * below) / Math.min(count, below)),
  );
