/** Any value as two frames, for stores of tests: its length, and its JSON. */

export function framesOfJson(value: unknown): Uint8Array[] {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return [new Uint8Array(Float64Array.of(bytes.length).buffer), bytes];
}

export function* jsonTargets(): Generator<Uint8Array, unknown, undefined> {
  const length = new Float64Array(1);
  yield new Uint8Array(length.buffer);
  const bytes = new Uint8Array(length[0] ?? 0);
  yield bytes;
  return JSON.parse(new TextDecoder().decode(bytes));
}
