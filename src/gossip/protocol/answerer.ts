/**
 * Answers to peers' digests (rules 8 and 10): a delta, a snapshot, `later`, or `rejoin`; and who is
 * let in by being answered.
 */
import { memberValue } from '../../rules/members.ts';
import { includes, missingOps } from '../../words/vector.ts';
import { admits } from './admission.ts';
import type { Comparison } from './comparison.ts';
import type { CoreState } from './coreState.ts';
import type { Question } from './inputOutput.ts';
import type { Greeted } from './peer.ts';
import type { Puller } from './puller.ts';

/** The most members that a cluster may have, nodes that are gone and not yet retired among them. */
export const MAX_MEMBERS = 64;

export class Answerer {
  readonly #state: CoreState;
  readonly #puller: Puller;
  readonly #comparison: Comparison;
  /** Since when origins have asked that say they have joined and that we do not know. */
  readonly #unknownSince = new Map<string, number>();

  constructor(state: CoreState, puller: Puller, comparison: Comparison) {
    this.#state = state;
    this.#puller = puller;
    this.#comparison = comparison;
  }

  /** Answers, and pulls in turn where the peer holds what we lack: one exchange serves both sides. */
  digestFrom(peer: Greeted, { digest: raw, re }: Question): void {
    const { connection, hello } = peer;
    const { members, vector } = this.#state.view;
    const { phase } = this.#state.standing;
    // A log that starts may be an old one: nobody joins by it before it has caught up.
    if (phase === 'unjoined' || (phase === 'starting' && !hello.joined)) {
      this.#later(peer, re);
      return;
    }
    if (members.isRetired(hello.origin)) {
      this.#state.tellToRejoin(connection, 'retired', `${hello.origin} was retired`, re);
      return;
    }
    const digest = this.#comparison.read(peer, raw);
    if (digest === undefined) return;
    if (!members.has(hello.origin)) {
      this.#stranger(peer, { digest, re });
      return;
    }
    this.answerTo(peer, { digest, re });
    if (missingOps(vector, this.#comparison.leavingForks(digest.vector)) > 0)
      this.#puller.pullIfFree(peer);
  }

  answerTo(peer: Greeted, { digest, re }: Question): void {
    const { connection } = peer;
    if (includes(digest.vector, this.#state.view.reach()))
      this.#state.out({ kind: 'answer', connection, digest, re });
    else if (peer.digestIsExact) this.#answerBelowReach(peer, { digest, re });
    // The peer may hold an origin as retired that this node does not, and lack ops of it.
    else this.#later(peer, re);
  }

  /** Rule 8: admitted before it is answered, told to rejoin, or asked to come again. */
  #stranger(peer: Greeted, { digest, re }: Question): void {
    if (this.#state.standing.phase !== 'ready') {
      this.#later(peer, re);
      return;
    }
    const { connection, hello } = peer;
    const { origin, admittedBy, nodeId, url } = hello;
    const empty = digest.vector.size === 0;
    if (this.#state.view.members.size >= MAX_MEMBERS) {
      this.#state.warnRarely(
        `${nodeId} asks to join, and the cluster has ${MAX_MEMBERS} members already: retire those that are gone`,
      );
      this.#later(peer, re);
    } else if (admits(this.#state.view.members, { origin, empty, admittedBy })) {
      const value = memberValue(nodeId, url);
      this.#state.note('info', `${nodeId} (${origin}) joins`);
      this.#state.out({ kind: 'admit', connection, origin, value, digest, re });
    } else if (this.#mayYetBeKnown(peer)) this.#later(peer, re);
    else {
      const reason = `${origin} is no member and has a history of its own`;
      this.#state.tellToRejoin(connection, 'stranger', reason, re);
    }
  }

  /**
   * A peer that has joined our cluster through a member whose own `join` is still on its way to us, as
   * when several nodes join at once: not before it has had its time is it a stranger.
   */
  #mayYetBeKnown({ hello }: Greeted): boolean {
    if (!hello.joined || hello.clusterId !== this.#state.view.clusterId) return false;
    const { nowMs, settings } = this.#state;
    const since = this.#unknownSince.get(hello.origin) ?? nowMs;
    this.#unknownSince.set(hello.origin, since);
    return nowMs - since < settings.joinTimeoutMs;
  }

  /** Rule 10: an empty log gets a snapshot; a member has lost what it had acknowledged. */
  #answerBelowReach({ connection, hello }: Greeted, { digest, re }: Question): void {
    if (digest.vector.size === 0) {
      this.#state.out({ kind: 'snapshot', connection, part: 0, re });
      return;
    }
    const reason = `${hello.origin} lacks ops that were compacted away here after it had acknowledged them`;
    this.#state.tellToRejoin(connection, 'behind', reason, re);
  }

  #later({ connection }: Greeted, re: number | undefined): void {
    this.#state.send(connection, { type: 'later', re });
  }
}
