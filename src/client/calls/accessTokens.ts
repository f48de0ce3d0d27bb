/**
 * The tokens that say who sends a request. A function is asked once for each node, and again once a node
 * has refused its answer.
 */
import { InvalidRequestError } from '../errors.ts';

/** @param endpoint of the node that is asked. @returns null for a request without a token. */
export type TokenSource = (endpoint: string) => Promise<string | null>;

const TOKEN = /^[\x21-\x7e]{1,8192}$/;
/** The token of a write, which is a cursor: base64url of `[1,"`. */
const WRITE_TOKEN = /^WzEsI/;

export class AccessTokens {
  readonly #source: TokenSource | null;
  readonly #canChange: boolean;
  /** Endpoint → the answer of the function, which several calls may wait for. */
  readonly #asked = new Map<string, Promise<string | null>>();

  /** @throws InvalidRequestError for a text that can be no token. */
  constructor(given: string | TokenSource | undefined) {
    this.#canChange = typeof given === 'function';
    if (typeof given === 'function') this.#source = given;
    else if (given === undefined) this.#source = null;
    else {
      const token = checked(given);
      this.#source = () => Promise.resolve(token);
    }
  }

  /** @throws the error of the function; InvalidRequestError if it gives no token. */
  async of(endpoint: string): Promise<string | null> {
    if (this.#source === null) return null;
    let asked = this.#asked.get(endpoint);
    if (asked === undefined) {
      asked = this.#source(endpoint).then((token) => (token === null ? null : checked(token)));
      this.#asked.set(endpoint, asked);
      // A failure is told once, and the next call asks again.
      asked.catch(() => this.#asked.delete(endpoint));
    }
    return asked;
  }

  /**
   * A node has refused the token.
   *
   * @returns whether another may come.
   */
  async refused(endpoint: string, token: string): Promise<boolean> {
    if (!this.#canChange) return false;
    const asked = this.#asked.get(endpoint);
    // Calls that were refused together ask for one new token.
    if (asked !== undefined && (await asked) === token) this.#asked.delete(endpoint);
    return true;
  }
}

function checked(token: unknown): string {
  if (typeof token === 'string' && WRITE_TOKEN.test(token))
    throw new InvalidRequestError(
      'token says who the client is, and this is the token of a write: pass it as `after`.',
    );
  if (typeof token === 'string' && TOKEN.test(token)) return token;
  throw new InvalidRequestError(
    'token must be 1 to 8192 printable ASCII characters without spaces.',
  );
}
