/** Names of players are made, never given: no free text, nothing personal (rule 12). */
const FIRST = [
  'Amber',
  'Brisk',
  'Calm',
  'Deft',
  'Early',
  'Fair',
  'Green',
  'Hazel',
  'Ivory',
  'Jolly',
];
const SECOND = [
  'Otter',
  'Finch',
  'Maple',
  'River',
  'Comet',
  'Heron',
  'Cedar',
  'Pebble',
  'Lynx',
  'Fern',
];

/** @param numbers at least three, each from 0 to 255. */
export function playerName(numbers: Uint8Array): string {
  const [a = 0, b = 0, c = 0] = numbers;
  return `${FIRST[a % FIRST.length]} ${SECOND[b % SECOND.length]} ${c}`;
}
