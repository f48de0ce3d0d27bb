/** Entries that a rejoin set aside come back as ordinary PUTs (rule 12), once this node may write. */
import type { AskDeletes } from '../../replica/deletes.ts';
import { offerAgain, type SetAside } from '../../replica/offer.ts';
import type { Replica } from '../../replica/replica.ts';
import type { Past } from '../protocol/standing.ts';

export interface OffersOptions {
  readonly replica: Replica;
  /** Peers that can be asked for deletes. */
  readonly peers: () => AskDeletes[];
  readonly note: (level: 'info' | 'warn', text: string) => void;
  /** By a clock that is never set. */
  readonly steadyMs: () => number;
  /** All has been offered. */
  readonly done: () => Promise<void>;
}

/** An offer that found no room is made again after so long. */
const RETRY_MS = 2000;

export class Offers {
  readonly #options: OffersOptions;
  readonly #waiting: SetAside[];
  #isOffering = false;
  #nextAt = 0;

  /** @param waiting what an earlier rejoin had set aside. */
  constructor(options: OffersOptions, waiting: readonly SetAside[]) {
    this.#options = options;
    this.#waiting = [...waiting];
  }

  /** The state of this node before it began anew, until all of that is offered. */
  get past(): Past {
    if (this.#waiting.length === 0) return 'none';
    return this.#waiting.some(({ entries, hadOthers }) => hadOthers && entries.length > 0)
      ? 'withOthers'
      : 'alone';
  }

  /** Whether all is offered, and the files that held it are gone. */
  get isDone(): boolean {
    return this.#waiting.length === 0 && !this.#isOffering;
  }

  get isDue(): boolean {
    return this.#waiting.length > 0 && this.#options.steadyMs() >= this.#nextAt;
  }

  add(aside: SetAside): void {
    this.#waiting.push(aside);
  }

  async offer(): Promise<void> {
    if (this.#isOffering) return;
    this.#isOffering = true;
    this.#nextAt = this.#options.steadyMs() + RETRY_MS;
    try {
      await this.#offerAll();
    } finally {
      this.#isOffering = false;
    }
  }

  async #offerAll(): Promise<void> {
    const { replica, peers, note, done } = this.#options;
    const welcoming = new Map(replica.vector);
    for (let aside = this.#waiting[0]; aside !== undefined; aside = this.#waiting[0]) {
      await offerAgain(replica, aside, welcoming, peers(), note);
      if (this.#waiting[0] === aside) this.#waiting.shift();
    }
    await done();
  }
}
