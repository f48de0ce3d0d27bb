/** The work of a node only beyond a full mesh: it hears members by rounds, and passes on the ops of others. */
import type { Stability } from '../../rules/stability.ts';
import type { Vector } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import type { Confirmations } from './confirmations.ts';
import type { CoreState } from './coreState.ts';
import { Haves } from './haves.ts';
import type { Message } from './messages.ts';
import type { Greeted } from './peer.ts';
import type { Puller } from './puller.ts';
import { Rounds } from './rounds.ts';
import { Spread } from './spread.ts';
import type { HaveMessage } from './spreadMessages.ts';
import { Tree } from './tree.ts';

export type MeshMessage = Extract<
  Message,
  { type: 'round' | 'echo' | 'certificate' | 'certified' | 'certify' | 'prune' | 'graft' | 'have' }
>;

export class Mesh {
  readonly spread: Spread;
  readonly #rounds: Rounds;
  readonly #tree: Tree;
  readonly #haves: Haves;

  constructor(
    state: CoreState,
    puller: Puller,
    stability: Stability,
    confirmations: Confirmations,
  ) {
    this.spread = new Spread(state, puller);
    this.#tree = new Tree(state);
    this.#rounds = new Rounds(state, stability, confirmations, this.#tree);
    this.#haves = new Haves(state, this.#rounds.certificates);
  }

  /** See `Core.haveFor`. */
  haveFor(connection: ConnectionId, seqs: Vector): HaveMessage {
    return this.#haves.messageFor(connection, seqs);
  }

  /** See `Rounds.isAskedFor`. */
  isAskedFor(seq: number, forMs: number): void {
    this.#rounds.isAskedFor(seq, forMs);
  }

  tick(): void {
    this.#rounds.tick();
    this.#tree.tick();
    this.spread.tick();
  }

  messageFrom(peer: Greeted, message: MeshMessage): void {
    switch (message.type) {
      case 'round':
        this.#rounds.roundFrom(peer, message);
        break;
      case 'echo':
        this.#rounds.echoFrom(peer, message);
        break;
      case 'certificate':
        this.#rounds.certificates.certificateFrom(peer, message);
        break;
      case 'certified':
        this.#rounds.certificates.certifiedFrom(peer, message);
        break;
      case 'certify':
        this.#rounds.certificates.certifyFrom(peer, message);
        break;
      case 'prune':
        peer.link.becomes('lazy');
        this.#tree.prunedBy(peer);
        break;
      case 'graft':
        if (message.branch === true) peer.link.leadsFromRoot();
        else peer.link.becomes('eager');
        break;
      case 'have':
        this.spread.haveFrom(peer, this.#haves.seqsIn(message));
        break;
      default:
        message satisfies never;
    }
  }
}
