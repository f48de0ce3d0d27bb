/** The notes of the protocol as sentences of the node's log. */
import type { NoteFacts } from '../words/note.ts';

/**
 * @param text begins with the name of a peer, an origin or an address that the facts have, or else with a word.
 * @returns the text with a capital letter, unless it begins with a name, and with a full stop.
 */
export function noteSentence(text: string, { peer, origin, url, address }: NoteFacts): string {
  const isNamed = [peer, origin, url, address].some(
    (name) => name !== undefined && text.startsWith(name),
  );
  const begun = isNamed ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
