/**
 * The words that `ps` shows of the process to every user of this machine. Invariant: once the program runs, no
 * secret of its command line is among them. They are there while it starts, so a file of the token is safer.
 */

/** Flags whose value is a secret. */
const SECRET_FLAGS: readonly string[] = ['--internal-token', '--token'];
const HIDDEN = '…';

/** Shows another line of words in the place of one that holds a secret. Not every platform knows how; then nothing changes. */
export function hideSecrets(words: readonly string[]): void {
  const shown = shownWords(words);
  if (shown.some((word, index) => word !== words[index]))
    process.title = ['hearsay', ...shown].join(' ');
}

/** @returns the words with each secret replaced, whether it stands behind its flag or behind `=`. */
export function shownWords(words: readonly string[]): string[] {
  return words.map((word, index) => {
    const before = words[index - 1];
    if (before !== undefined && SECRET_FLAGS.includes(before)) return HIDDEN;
    const flag = SECRET_FLAGS.find((name) => word.startsWith(`${name}=`));
    return flag === undefined ? word : `${flag}=${HIDDEN}`;
  });
}
