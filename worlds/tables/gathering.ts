/**
 * Calls of the cache that go in one request. The client sends those of one turn together: here calls that come in the same
 * turn of the event loop are made at its end, and those that come while others are under way once these were answered.
 * So many who come at one moment cost few requests, and one who comes alone waits for nobody.
 */
export class Gathering {
  #waiting: (() => void)[] = [];
  #underWay = 0;
  #isDue = false;

  run<T>(call: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#waiting.push(() => {
      this.#underWay += 1;
      resolve(
        call().finally(() => {
          this.#underWay -= 1;
          this.#schedule();
        }),
      );
    });
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#isDue || this.#underWay > 0 || this.#waiting.length === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      const calls = this.#waiting;
      this.#waiting = [];
      for (const call of calls) call();
    });
  }
}
