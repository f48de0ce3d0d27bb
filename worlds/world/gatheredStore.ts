/** The records of players, read and saved for many players by one request. */
import { Gathering } from '../tables/gathering.ts';
import type { PlayerStore } from './keptPlayer.ts';

export class GatheredStore implements PlayerStore {
  readonly #store: PlayerStore;
  readonly #reads = new Gathering();
  readonly #saves: Gathering;

  /** @param saves other writes that may go in one request with saves. */
  constructor(store: PlayerStore, saves = new Gathering()) {
    this.#store = store;
    this.#saves = saves;
  }

  /** A node may wait for the write that a token stands for: nobody else is to wait with it. */
  read: PlayerStore['read'] = (player, after = null) =>
    after === null
      ? this.#reads.run(() => this.#store.read(player))
      : this.#store.read(player, after);

  /** Nor is anybody to wait for the acknowledgements that a milestone asks for. */
  save: PlayerStore['save'] = (player, record, version, options = {}) => {
    const save = () => this.#store.save(player, record, version, options);
    return (options.acks ?? 1) > 1 ? save() : this.#saves.run(save);
  };
}
