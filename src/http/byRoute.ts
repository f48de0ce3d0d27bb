/**
 * A value for each route and method. Most requests are alike, so the value that was asked for last is at hand.
 */

/** The route of requests that no route matches, so that hostile paths make no new labels. */
export const NO_ROUTE = 'none';

export class ByRoute<Value> {
  readonly #make: () => Value;
  /** Route → method → its value. */
  readonly #values = new Map<string, Map<string, Value>>();
  #last: { readonly route: string; readonly method: string; readonly value: Value } | null = null;

  /** @param make the value of a route and method that come for the first time. */
  constructor(make: () => Value) {
    this.#make = make;
  }

  /** @param route its pattern; undefined where none matched. */
  of(route: string = NO_ROUTE, method: string): Value {
    const last = this.#last;
    if (last !== null && last.route === route && last.method === method) return last.value;
    const value = this.#valueOf(route, method);
    this.#last = { route, method, value };
    return value;
  }

  *all(): Generator<{ route: string; method: string; value: Value }> {
    for (const [route, byMethod] of this.#values)
      for (const [method, value] of byMethod) yield { route, method, value };
  }

  #valueOf(route: string, method: string): Value {
    let byMethod = this.#values.get(route);
    if (byMethod === undefined) {
      byMethod = new Map();
      this.#values.set(route, byMethod);
    }
    let value = byMethod.get(method);
    if (value === undefined) {
      value = this.#make();
      byMethod.set(method, value);
    }
    return value;
  }
}
