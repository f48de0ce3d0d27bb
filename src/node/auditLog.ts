/**
 * The file of the audit log.
 *
 * Invariants: only its owner may read it; the node never waits for it, so lines that a slow disk leaves no
 * room for are dropped and counted.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { type AuditEntry, auditLine, WrongTokens } from '../access/audit.ts';
import { OWN_FILE_MODE } from '../log/sqlite/ownFile.ts';
import type { NoteFacts } from '../words/note.ts';
import type { NodeSettings } from './nodeSettings.ts';

/** Messages of the node that concern who is in the cluster, or who may do what. */
const TOLD: ReadonlySet<string> = new Set([
  'cluster-token-read',
  'cluster-token-refused',
  'formed',
  'joined',
  'joins',
  'keys-refused',
  'refused',
  'refuses',
  'refuses-for-a-while',
  'rejoins',
  'retires',
  'tells-to-rejoin',
  'tokens-read',
  'tokens-refused',
]);
const TELL_INTERVAL_MS = 5000;

export class AuditLog {
  /** Lines that were lost. */
  dropped = 0;
  readonly #path: string;
  readonly #nodeId: string;
  readonly #maxBufferBytes: number;
  readonly #warn: (text: string) => void;
  readonly #wrong = new WrongTokens((entry) => this.write(entry));
  readonly #timer: NodeJS.Timeout;
  #stream: WriteStream;
  #hasWarned = false;

  constructor(path: string, settings: NodeSettings, warn: (text: string) => void) {
    this.#path = path;
    this.#nodeId = settings.nodeId;
    this.#maxBufferBytes = settings.limits.maxAuditBufferBytes;
    this.#warn = warn;
    this.#stream = this.#open();
    this.#timer = setInterval(() => this.#wrong.tell(performance.now()), TELL_INTERVAL_MS);
    this.#timer.unref();
  }

  write(entry: AuditEntry): void {
    if (this.#stream.destroyed || this.#stream.writableLength > this.#maxBufferBytes) {
      this.dropped++;
      return;
    }
    this.#stream.write(auditLine(entry, this.#nodeId, Date.now()));
  }

  wrongToken(address: string): void {
    this.#wrong.note(address, performance.now());
  }

  /** @param text the message of the node. */
  note(text: string, { event, origin, peer }: NoteFacts): void {
    if (!TOLD.has(event)) return;
    const target = origin ?? peer;
    const entry = { caller: 'node', address: null, action: event, detail: text };
    this.write(target === undefined ? entry : { ...entry, target });
  }

  /** Goes on in a new file, once the old one was moved away. */
  reopen(): void {
    this.#stream.end();
    this.#stream = this.#open();
  }

  /** Resolves once all lines are written. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    return new Promise((resolve) => {
      if (this.#stream.destroyed) resolve();
      else this.#stream.end(resolve);
    });
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: 'a', mode: OWN_FILE_MODE });
    stream.on('error', (error) => {
      this.dropped++;
      stream.destroy();
      if (this.#hasWarned) return;
      this.#hasWarned = true;
      this.#warn(`The audit log ${this.#path} can't be written (${error.message}).`);
    });
    return stream;
  }
}
