/**
 * One direction of a connection between regions: all that is sent arrives later, and in the order in which it
 * was sent. Its opening comes before its first bytes, and its end behind the last.
 */
export type Sent = Uint8Array | 'open' | 'opened' | 'end' | 'reset';

export interface DelayLineSettings {
  /** From sending to arrival, in milliseconds. */
  readonly delayMs: number;
  /** Bytes under way from which on the sender should wait. */
  readonly maxHeldBytes: number;
}

export class DelayLine {
  readonly #settings: DelayLineSettings;
  readonly #underWay: { readonly sent: Sent; readonly arrivesAtMs: number }[] = [];
  #heldBytes = 0;
  #lastAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: DelayLineSettings) {
    this.#settings = settings;
  }

  /** @param nowMs milliseconds of any clock; one that runs backwards changes no order. */
  send(sent: Sent, nowMs: number): void {
    this.#lastAtMs = Math.max(this.#lastAtMs, nowMs + this.#settings.delayMs);
    this.#underWay.push({ sent, arrivesAtMs: this.#lastAtMs });
    this.#heldBytes += bytesOf(sent);
  }

  /** @returns the next that has arrived by now; null if nothing has. */
  take(nowMs: number): Sent | null {
    const [first] = this.#underWay;
    if (first === undefined || first.arrivesAtMs > nowMs) return null;
    this.#underWay.shift();
    this.#heldBytes -= bytesOf(first.sent);
    return first.sent;
  }

  /** When the next arrives; null if nothing is under way. */
  get nextAtMs(): number | null {
    return this.#underWay[0]?.arrivesAtMs ?? null;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isFull(): boolean {
    return this.#heldBytes >= this.#settings.maxHeldBytes;
  }
}

const bytesOf = (sent: Sent): number => (typeof sent === 'string' ? 0 : sent.byteLength);
