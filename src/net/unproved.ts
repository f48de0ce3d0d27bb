/**
 * Connections between nodes whose other side has not proved yet that it knows the secret.
 *
 * Invariants: such a connection costs at most 4 KiB and a few seconds. Of those that others dialled there are at most so many at
 * one time: a further one takes the place of the oldest. A node that keeps the protocol needs one round trip.
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ProofFault, ProofStep } from '../gossip/protocol/proof.ts';
import type { ClusterSecret } from './clusterSecrets.ts';
import { closeWebSocket, POLICY_VIOLATION } from './webSockets.ts';

/** Bytes of the other side, frames and all. */
export const MAX_UNPROVED_BYTES = 4096;

/**
 * The reason why a proof came to nothing. `silence`: it took too long. `size`: the other side said too much.
 * `crowded`: others pushed it out. `doubted`: the other side did not believe this one. `left`: the other side closed.
 */
export type UnprovedFault = ProofFault | 'silence' | 'size' | 'crowded' | 'doubted' | 'left';

export type Proved = Extract<ProofStep<ClusterSecret>, { kind: 'proved' }>;

export interface ProvingOptions {
  readonly webSocket: WebSocket;
  /** The connection under it. */
  readonly stream: Duplex;
  readonly timeoutMs: number;
  readonly proof: { take(text: string): ProofStep<ClusterSecret> };
  /** For the other side, if its proof is wrong. */
  readonly refusal: string;
  /** Called at once, before the next message is read. */
  readonly proved: (proved: Proved) => void;
  /** Called in place of `proved`; the connection ends by itself. */
  readonly failed: (fault: UnprovedFault) => void;
}

/** Exchanges the messages of a proof. @returns a function that ends it, with `crowded`. */
export function prove(options: ProvingOptions): () => void {
  const { webSocket, stream, proof } = options;
  let isOver = false;
  let isProved = false;
  let bytes = 0;
  const end = (): boolean => {
    if (isOver) return false;
    isOver = true;
    clearTimeout(timer);
    return true;
  };
  const fail = (fault: UnprovedFault): void => {
    if (!end()) return;
    if (fault === 'proof' || fault === 'form')
      closeWebSocket(webSocket, POLICY_VIOLATION, options.refusal);
    else webSocket.terminate();
    options.failed(fault);
  };
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    // An emitter calls each listener that it had when the chunk came, one that has gone since too.
    if (isProved || bytes <= MAX_UNPROVED_BYTES) return;
    fail('size');
    webSocket.terminate();
  };
  const take = (data: unknown, isBinary: boolean): void => {
    if (isOver) return;
    if (!Buffer.isBuffer(data) || data.length > MAX_UNPROVED_BYTES) {
      fail('size');
      return;
    }
    const text = isBinary ? '' : data.toString('utf8');
    const step = proof.take(text);
    if (step.kind === 'failed') fail(step.fault);
    else if (step.text !== null) webSocket.send(step.text);
    if (step.kind !== 'proved' || !end()) return;
    isProved = true;
    webSocket.off('message', take);
    stream.off('data', count);
    options.proved(step);
  };
  const timer = setTimeout(() => fail('silence'), options.timeoutMs);
  // After the listener of the WebSocket, so that the message that proves counts before the bytes behind it.
  stream.on('data', count);
  webSocket.on('message', take);
  webSocket.on('error', () => {}); // a close follows
  webSocket.on('close', (code) => fail(code === POLICY_VIOLATION ? 'doubted' : 'left'));
  return () => fail('crowded');
}

/** The connections that others dialled. */
export class Unproved {
  readonly #max: number;
  /** The oldest first. */
  readonly #endings = new Set<() => void>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#endings.size;
  }

  add(options: ProvingOptions): void {
    const [oldest] = this.#endings;
    if (oldest !== undefined && this.#endings.size >= this.#max) oldest();
    const end = prove({
      ...options,
      proved: (proved) => {
        this.#endings.delete(end);
        options.proved(proved);
      },
      failed: (fault) => {
        this.#endings.delete(end);
        options.failed(fault);
      },
    });
    this.#endings.add(end);
  }

  stop(): void {
    for (const end of [...this.#endings]) end();
  }
}
