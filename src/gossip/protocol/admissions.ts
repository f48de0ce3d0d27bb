/**
 * Rule 8: when a member lets in a peer that it may let in. One peer with the token, and many names, could fill
 * the cluster with members that are nobody, and a member that is nobody holds back collection until it is
 * retired.
 *
 * Invariants: nobody is let in beyond the greatest number of members, nor with the name and URL of a member
 * that was reached at that URL. Only a few are let in within a minute: so many at each URL that the settings
 * name, and so many of all others together.
 */
import { MINUTE_MS } from '../../words/time.ts';
import type { CoreState } from './coreState.ts';
import type { Hello } from './messages.ts';

/** The most origins whose first digest is remembered; those of a peer that takes a new name each time go. */
const MAX_UNKNOWN = 1024;

export class Admissions {
  readonly #state: CoreState;
  /** The last admissions: by configured URL, and of all others under ''; then by origin, with their times. */
  readonly #times = new Map<string, Map<string, number>>();
  /** For each unknown origin that says it has joined, the time of its first digest. */
  readonly #unknownSince = new Map<string, number>();

  constructor(state: CoreState) {
    this.#state = state;
  }

  /** @returns why the peer must ask again later, as a sentence; null if it may come in now. */
  obstacleTo(hello: Hello): string | null {
    const { view, settings } = this.#state;
    const { nodeId } = hello;
    // The sentences of bounds name no peer: of many that wait, the log of this node tells once.
    if (view.members.size >= settings.maxMembers)
      return `the cluster has ${view.members.size} members, and --max-members allows no more: others wait until members that are gone are retired, or until it is raised on all nodes`;
    const holder = this.#holderOf(hello);
    if (holder !== null)
      return `${nodeId} (${hello.origin}) asks to join with the name and URL of ${holder}, which is connected: give each node its own --node-id and --url`;
    // A peer that asks again before its `join` is committed, or after its answer was lost, is let in once.
    const lately = this.#lately(hello);
    if (lately.size >= settings.maxJoinsPerMinute && !lately.has(hello.origin))
      return `${lately.size} nodes have joined through ${settings.nodeId} within a minute, and --max-joins-per-minute allows no more: others wait, or raise it there`;
    return null;
  }

  admitted(hello: Hello): void {
    this.#lately(hello).set(hello.origin, this.#state.nowMs);
  }

  /**
   * A peer may have joined our cluster through a member whose own `join` is still on its way here, as
   * when several nodes join at once. It counts as a stranger only once its time is over.
   */
  mayYetBeKnown({ joined, clusterId, origin }: Hello): boolean {
    const { nowMs, settings, view } = this.#state;
    if (!joined || clusterId !== view.clusterId) return false;
    const since = this.#unknownSince.get(origin) ?? nowMs;
    this.#unknownSince.set(origin, since);
    const [oldest] = this.#unknownSince.keys();
    if (this.#unknownSince.size > MAX_UNKNOWN && oldest !== undefined)
      this.#unknownSince.delete(oldest);
    return nowMs - since < settings.joinTimeoutMs;
  }

  /** The connected member whose name and URL the peer bears, and that was reached there; null if there is none. */
  #holderOf({ nodeId, url, origin }: Hello): string | null {
    const { peers, view } = this.#state;
    for (const { hello, dialledUrl } of peers.greeted()) {
      if (hello.origin === origin || hello.nodeId !== nodeId || url === null) continue;
      // A peer that only says that it is at the URL keeps nobody from coming back there.
      if (dialledUrl === url && view.members.has(hello.origin)) return hello.origin;
    }
    return null;
  }

  /** Nodes that the settings name do not wait for others: a whole cluster may start at once. */
  #lately({ url }: Hello): Map<string, number> {
    const { settings, nowMs } = this.#state;
    const place = url !== null && settings.urls.includes(url) ? url : '';
    const times = this.#times.get(place) ?? new Map<string, number>();
    for (const [origin, timeMs] of times) if (nowMs - timeMs >= MINUTE_MS) times.delete(origin);
    this.#times.set(place, times);
    return times;
  }
}
