/** The listeners that are called when a mirror changes. */
import type { Entry } from '../calls/entry.ts';

export type MirrorChange<T = unknown> =
  | {
      readonly type: 'put';
      readonly key: string;
      readonly entry: Entry<T>;
      /** The entry before the change; undefined if there was none. */
      readonly previous: Entry<T> | undefined;
    }
  | {
      readonly type: 'delete' | 'expire';
      readonly key: string;
      readonly entry: undefined;
      readonly previous: Entry<T>;
    };

type Listener<T> = (change: MirrorChange<T>) => void;

export class MirrorListeners<T> {
  /** Wrapped, so that a function that is added twice is called twice. */
  readonly #listeners = new Set<{ readonly call: Listener<T> }>();

  add(call: Listener<T>): () => void {
    const listener = { call };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(change: MirrorChange<T>): void {
    for (const { call } of this.#listeners) {
      try {
        call(change);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
