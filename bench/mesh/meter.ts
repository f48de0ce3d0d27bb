/**
 * The network of a large world, which counts each text by its kind, and the hops by which ops come to each node.
 *
 * The hops of an op at a node are one more than those of the first node that sent it there.
 */

import { kindOf, Network } from '../../sim/network.ts';
import type { End } from '../../sim/transport.ts';
import { decodeMessage } from '../../src/gossip/protocol/messages.ts';
import { encodeOp } from '../../src/gossip/protocol/opCodec.ts';
import { formatOpId, isOnKey } from '../../src/words/op.ts';

/** Texts and bytes by kind of message. */
export type Traffic = ReadonlyMap<string, { readonly texts: number; readonly bytes: number }>;

/** One op of those that are followed. */
export interface Followed {
  /** The bytes of the op itself, as it stands in a message. */
  readonly bytes: number;
  /** Node → hops; 0 where it was born. */
  readonly hops: Map<string, number>;
}

export class Meter extends Network {
  #traffic = new Map<string, { texts: number; bytes: number }>();
  #followed = new Map<string, Followed>();
  #isFollowing = false;

  override send(end: End, text: string): void {
    const kind = kindOf(text);
    const counted = this.#traffic.get(kind) ?? { texts: 0, bytes: 0 };
    counted.texts++;
    counted.bytes += Buffer.byteLength(text);
    this.#traffic.set(kind, counted);
    if ((kind === 'delta' || kind === 'push' || kind === 'reply') && this.#isFollowing)
      this.#follow(end.transport.node, end.other.transport.node, text);
    super.send(end, text);
  }

  /** From now on ops on keys are followed from their birth. */
  follow(): void {
    this.#isFollowing = true;
  }

  /** @returns what was counted since the last call. */
  take(): { readonly traffic: Traffic; readonly followed: readonly Followed[] } {
    const taken = { traffic: this.#traffic, followed: [...this.#followed.values()] };
    this.#traffic = new Map();
    this.#followed = new Map();
    this.#isFollowing = false;
    return taken;
  }

  #follow(from: string, to: string, text: string): void {
    const message = decodeMessage(text);
    if (message.type !== 'delta' && message.type !== 'push' && message.type !== 'reply') return;
    for (const op of message.delta.ops) {
      if (!isOnKey(op)) continue;
      const id = formatOpId(op);
      let followed = this.#followed.get(id);
      if (followed === undefined && op.origin.startsWith(`${from}.`)) {
        followed = { bytes: Buffer.byteLength(encodeOp(op)), hops: new Map([[from, 0]]) };
        this.#followed.set(id, followed);
      }
      if (followed !== undefined && !followed.hops.has(to))
        followed.hops.set(to, (followed.hops.get(from) ?? 0) + 1);
    }
  }
}
