/** Advice to a person at a terminal about a refusal, where the node speaks of headers. */

const BY = 'by --token-file, or in HEARSAY_TOKEN';

/** The advice of a node to a client without a token, and that of a command. */
const ADVICES: readonly (readonly [ofNode: RegExp, ofCommand: string])[] = [
  [/show a token as `Authorization: Bearer TOKEN`/, `give a token that has it ${BY}`],
  [/\bas `Authorization: Bearer TOKEN`/, BY],
];

/** @param sentence on a refusal by 401 or 403, of a client or of a node. */
export function withTokenAdvice(sentence: string): string {
  for (const [ofNode, ofCommand] of ADVICES)
    if (ofNode.test(sentence)) return sentence.replace(ofNode, ofCommand);
  if (sentence.includes('--token-file') || !/\btoken\b/.test(sentence)) return sentence;
  return `${sentence.replace(/[^.]$/, '$&.')} Give another token ${BY}.`;
}

const REFUSED: ReadonlySet<number | null> = new Set([401, 403]);

export const isTokenRefused = (status: number | null): boolean => REFUSED.has(status);
