/**
 * Who holds this node's own ops, as peers have told: in their digests, and at once where a client waits
 * for it. What a peer has confirmed, it has committed.
 */
export class Confirmations {
  /** Member origin → highest seq of our own origin that it holds. */
  readonly #held = new Map<string, number>();

  /** @returns whether the member holds more than it had told before. */
  note(member: string, seq: number): boolean {
    if (seq <= (this.#held.get(member) ?? 0)) return false;
    this.#held.set(member, seq);
    return true;
  }

  /** How many of the members hold the op of that seq. */
  count(seq: number, isMember: (origin: string) => boolean): number {
    let count = 0;
    for (const [member, held] of this.#held) if (held >= seq && isMember(member)) count++;
    return count;
  }
}
