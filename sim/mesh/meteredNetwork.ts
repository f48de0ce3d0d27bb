/** A network that counts the texts and characters that go over it, by the kind of message. */
import { kindOf, Network } from '../network.ts';
import type { End } from '../transport.ts';

export interface Traffic {
  /** Characters by kind; all messages are ASCII but for values and keys, so that one is a byte. */
  readonly bytes: ReadonlyMap<string, number>;
  /** Ops in pushes, each copy counted. */
  readonly pushedOps: number;
}

export class MeteredNetwork extends Network {
  #bytes = new Map<string, number>();
  #pushedOps = 0;

  override send(end: End, text: string): void {
    const kind = kindOf(text);
    const isAnswer = kind === 'delta' && text.includes('"answer":');
    const name = kind !== 'delta' ? kind : isAnswer ? 'answer' : 'push';
    this.#bytes.set(name, (this.#bytes.get(name) ?? 0) + text.length);
    if (name === 'push') this.#pushedOps += opsIn(text);
    super.send(end, text);
  }

  /** @returns what went over it since the last call. */
  take(): Traffic {
    const traffic = { bytes: this.#bytes, pushedOps: this.#pushedOps };
    this.#bytes = new Map();
    this.#pushedOps = 0;
    return traffic;
  }
}

function opsIn(text: string): number {
  const { ops } = JSON.parse(text) as { ops: readonly unknown[] };
  return ops.length;
}
