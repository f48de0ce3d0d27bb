/** The records of players, with a count of what became of each save. */
import type { Labelled } from '../process/metrics.ts';
import { Tally } from '../process/tally.ts';
import type { PlayerStore } from './keptPlayer.ts';

export class CountedStore implements PlayerStore {
  readonly #store: PlayerStore;
  /** `refused`: the record has a greater version. */
  readonly #saves = new Tally(['stored', 'refused', 'failed']);
  readonly #onSaved: (ms: number) => void;

  /** @param onSaved gets the time of each save that was answered, in milliseconds. */
  constructor(store: PlayerStore, onSaved: (ms: number) => void) {
    this.#store = store;
    this.#onSaved = onSaved;
  }

  get saves(): Labelled {
    return this.#saves.counts;
  }

  read: PlayerStore['read'] = (player, after) => this.#store.read(player, after);

  save: PlayerStore['save'] = async (player, record, version, options) => {
    const startedAtMs = performance.now();
    try {
      const result = await this.#store.save(player, record, version, options);
      this.#saves.add(result.type === 'stored' ? 'stored' : 'refused');
      this.#onSaved(performance.now() - startedAtMs);
      return result;
    } catch (error) {
      this.#saves.add('failed');
      throw error;
    }
  };
}
