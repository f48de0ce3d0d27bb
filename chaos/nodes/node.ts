/**
 * One node of a run: its process, its directory, and the lives of its log.
 *
 * A log begins another life when its disk is lost, or when its node goes on under another origin. A
 * client's knowledge of a node need not be true in the node's next life.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { opIdOf } from '../checks/token.ts';
import type { Incident } from '../history/evidence.ts';
import { MAIN, withoutSettings } from './environment.ts';

const POLL_INTERVAL_MS = 50;
const ASK_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 180_000;

const originSchema = z.object({ origin: z.string() });

export interface NodePlace {
  readonly index: number;
  /** Folder of the run. */
  readonly directory: string;
  readonly clientUrl: string;
  readonly command: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  readonly incidents: Incident[];
  /** The command line that it is a process of; this tree's where none is given. */
  readonly main?: string;
}

export class ChaosNode {
  readonly index: number;
  readonly name: string;
  readonly clientUrl: string;
  readonly dataDirectory: string;
  life = 1;
  /** Counts faults that began or ended here, so that a call can tell whether one met it. */
  troubles = 0;
  /** Whether a fault holds it now, or it is down. */
  isTroubled = true;
  /** How often its process ended without having been asked to. */
  readonly unexpectedEnds: string[] = [];
  readonly #place: NodePlace;
  readonly #logFile: string;
  #process: ChildProcess | null = null;
  #ended: Promise<unknown> = Promise.resolve();
  #origin: string | null = null;
  #isAskedToEnd = false;

  constructor(place: NodePlace) {
    this.#place = place;
    this.index = place.index;
    this.name = `node${place.index + 1}`;
    this.clientUrl = place.clientUrl;
    this.dataDirectory = join(place.directory, this.name);
    this.#logFile = join(place.directory, `${this.name}.log`);
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  get isRunning(): boolean {
    return this.#process !== null;
  }

  /** Starts the process; `untilServing` tells when it answers. */
  async start(): Promise<void> {
    if (this.#process !== null) return;
    await mkdir(this.dataDirectory, { recursive: true });
    const { command, settings, main = MAIN } = this.#place;
    const words = [...command, process.execPath, main, 'serve'];
    const [file = '', ...rest] = words;
    const log = openSync(this.#logFile, 'a');
    const child = spawn(file, rest, {
      env: {
        ...withoutSettings(process.env),
        ...settings,
        NODE_ID: this.name,
        DATA_DIR: this.dataDirectory,
      },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#process = child;
    this.#isAskedToEnd = false;
    this.#ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null): void => {
        this.#process = null;
        if (!this.#isAskedToEnd) this.unexpectedEnds.push(`ended with ${signal ?? code}`);
        resolve(undefined);
      };
      child.once('exit', end);
      child.once('error', () => end(null, 'no start'));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async kill(): Promise<void> {
    this.#isAskedToEnd = true;
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** Asks it to stop. @returns whether it did in time; else it is killed. */
  async stop(): Promise<boolean> {
    this.#isAskedToEnd = true;
    this.signal('SIGTERM');
    const ended = this.#ended.then(() => true);
    const isInTime = await Promise.race([ended, wait(STOP_TIMEOUT_MS, false, { ref: false })]);
    if (!isInTime) await this.kill();
    return isInTime;
  }

  /** The origin that it writes under; null where it does not say. */
  async askOrigin(): Promise<string | null> {
    try {
      const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
      const response = await fetch(`${this.clientUrl}/_cluster`, { signal });
      return originSchema.parse(await response.json()).origin;
    } catch {
      return null;
    }
  }

  /** Whether it answers that it is fit to serve. */
  async isServing(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
      const { ok } = await fetch(`${this.clientUrl}/cache?limit=1`, { signal });
      return ok;
    } catch {
      return false;
    }
  }

  /** @returns whether it serves within the time. */
  async untilServing(timeoutMs: number): Promise<boolean> {
    const endAt = performance.now() + timeoutMs;
    while (performance.now() < endAt) {
      if (await this.isServing()) return true;
      await wait(POLL_INTERVAL_MS);
    }
    return false;
  }

  beginTrouble(): void {
    this.isTroubled = true;
    this.troubles += 1;
  }

  endTrouble(): void {
    this.isTroubled = false;
    this.troubles += 1;
  }

  /** The log's life ends here: by a fault of ours, or because the node began anew. */
  endLife(kind: Incident['kind']): void {
    this.#place.incidents.push({
      node: this.index,
      kind,
      life: this.life,
      atMs: Date.now(),
    });
    this.life += 1;
    this.#origin = null;
  }

  /** A PUT's token names the origin that it was born in: another one than before is another life. */
  sawToken(token: string): void {
    const id = opIdOf(token);
    if (id === null) return;
    const origin = id.slice(0, id.lastIndexOf('/'));
    if (this.#origin !== null && this.#origin !== origin) this.endLife('retired');
    this.#origin = origin;
  }
}
