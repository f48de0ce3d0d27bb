/**
 * Puts the token for the scope `admin` where commands of the node's own user find it. On a full disk this fails;
 * then it is tried again until it is there.
 */
import { writeAdminToken } from './adminToken.ts';

const RETRY_MS = 5000;

interface ShownAdminTokenOptions {
  readonly dataDir: string;
  readonly token: string;
  readonly warn: (text: string) => void;
  /** In milliseconds. */
  readonly retryMs?: number;
}

export class ShownAdminToken {
  readonly #options: ShownAdminTokenOptions;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: ShownAdminTokenOptions) {
    this.#options = options;
    this.#write(options.warn);
  }

  stop(): void {
    clearTimeout(this.#retry);
  }

  #write(warn: (text: string) => void): void {
    const { dataDir, token, retryMs = RETRY_MS } = this.#options;
    try {
      writeAdminToken(dataDir, token);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      warn(`The token for the scope admin can't be written yet (${reason}); the node tries again.`);
      this.#retry = setTimeout(() => this.#write(() => {}), retryMs);
      this.#retry.unref();
    }
  }
}
