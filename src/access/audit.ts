/** The audit log: who did, or was refused, what only operators may do. No entry has a value or a secret. */

export interface AuditEntry {
  /** The public name of the caller's token; `node` for what the node tells by itself. */
  readonly caller: string;
  /** Null where no connection is concerned. */
  readonly address: string | null;
  /** A method and a path, or one word for an event. */
  readonly action: string;
  readonly target?: string;
  readonly status?: number;
  /** The id of the op that a write made. */
  readonly op?: string;
  /** How often it happened since the last entry of its kind. */
  readonly count?: number;
  readonly detail?: string;
}

export type Audit = (entry: AuditEntry) => void;

const MOST_TARGET_CHARACTERS = 2048;

/** One line of JSON. @param nowMs UTC milliseconds. */
export const auditLine = (entry: AuditEntry, nodeId: string, nowMs: number): string => {
  const { target } = entry;
  const cut = target === undefined ? {} : { target: target.slice(0, MOST_TARGET_CHARACTERS) };
  return `${JSON.stringify({ time: new Date(nowMs).toISOString(), node: nodeId, ...entry, ...cut })}\n`;
};

/** Time for which wrong tokens are only counted after one was told, in milliseconds. */
export const COUNT_MS = 60_000;

/** Wrong tokens: the first is told at once, and those after it as one count a minute. */
export class WrongTokens {
  readonly #audit: Audit;
  #counted = 0;
  #address = '';
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  /** @param nowMs any clock that goes on evenly, in milliseconds. */
  note(address: string, nowMs: number): void {
    this.#counted++;
    this.#address = address;
    this.tell(nowMs);
  }

  /** To be called from time to time. */
  tell(nowMs: number): void {
    if (this.#counted === 0 || nowMs < this.#nextAt) return;
    const [count, address] = [this.#counted, this.#address];
    this.#counted = 0;
    this.#nextAt = nowMs + COUNT_MS;
    this.#audit({ caller: 'unknown', address, action: 'wrong-token', count });
  }
}
