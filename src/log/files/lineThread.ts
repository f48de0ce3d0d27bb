/**
 * The log of a running node, read in a thread of its own. The thread starts with the first read and
 * ends after a while without reads, because most nodes are never asked.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DamagedLogError, HearsayError, NotReadableError } from '../../words/errors.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import { WorkerChannel } from '../sqlite/workerChannel.ts';
import type { LinePage, LineReader, LineRequest } from '../tools/lineReader.ts';
import type { LogFacts } from '../tools/logSource.ts';
import type { Ask, Close, LineReply } from './lineMessages.ts';

const IDLE_MS = 30_000;

type Channel = WorkerChannel<Ask | Close, LineReply>;

export class LineThread implements LineReader {
  readonly #directory: string;
  readonly #origin: () => string;
  #channel: Channel | null = null;
  #idle: NodeJS.Timeout | null = null;
  #underWay = 0;
  #isClosed = false;

  /** @param origin the origin of the node's present log. */
  constructor(directory: string, origin: () => string) {
    this.#directory = resolve(directory);
    this.#origin = origin;
  }

  async facts(): Promise<LogFacts> {
    const reply = await this.#ask(null);
    if (reply.type !== 'facts') throw this.#failure(reply);
    return reply.facts;
  }

  async lines(request: LineRequest): Promise<LinePage> {
    const reply = await this.#ask(request);
    if (reply.type !== 'page') throw this.#failure(reply);
    return reply.page;
  }

  /** Ends the thread after it has answered every request. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  async #ask(request: LineRequest | null): Promise<LineReply> {
    if (this.#isClosed) throw new HearsayError('The log is closed.');
    this.#stay();
    this.#channel ??= start();
    this.#underWay++;
    try {
      return await this.#channel.request({
        type: 'ask',
        directory: this.#directory,
        origin: this.#origin(),
        request,
      });
    } finally {
      this.#underWay--;
      this.#leaveLater();
    }
  }

  #stay(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
  }

  #leaveLater(): void {
    this.#stay();
    if (this.#underWay > 0 || this.#isClosed) return;
    this.#idle = setTimeout(() => void this.#end(), IDLE_MS);
    this.#idle.unref();
  }

  async #end(): Promise<void> {
    this.#stay();
    const channel = this.#channel;
    this.#channel = null;
    await channel?.request({ type: 'close' }).catch(() => {});
    await channel?.exited();
  }

  #failure(reply: LineReply): HearsayError {
    if (!existsSync(join(this.#directory, 'hearsay.db')))
      return new NotReadableError('its database was removed while it runs', RETRY_AFTER_MS);
    if (reply.type === 'failed' && reply.fault.kind === 'damaged')
      return new DamagedLogError(this.#directory, reply.fault.message, reply.fault.lsn);
    const reason = reply.type === 'failed' ? reply.fault.message : `the answer was ${reply.type}`;
    return new HearsayError(
      `The log in ${this.#directory} could not be read (${reason}): look whether its disk is full or fails.`,
    );
  }
}

function start(): Channel {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const url = new URL(`./lineWorker.${extension}`, import.meta.url);
  const worker = new Worker(url, { name: 'hearsay-log-tools', execArgv: [] });
  // A node that stops does not wait for a reader.
  worker.unref();
  return new WorkerChannel(worker);
}
