/** An instance with both of its ports in the process of the test, over records in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  makeRoleKeys,
  openGuard,
  openSigner,
  type ServiceSigner,
} from '../../access/serviceTokens.ts';
import { listen } from '../../http/jsonApp.ts';
import type { TlsFiles } from '../../http/publicServer.ts';
import { Seen } from '../../process/seen.ts';
import { ROLES, type Role } from '../../rules/grants.ts';
import { controlApp } from '../../world/controlApp.ts';
import {
  INSTANCE_TIMES,
  type InstanceTimes,
  type WorldInstanceOptions,
} from '../../world/instanceOptions.ts';
import { servePlay } from '../../world/playServer.ts';
import { WorldInstance } from '../../world/worldInstance.ts';
import { RecordNode } from './recordNode.ts';
import { TestPlayer } from './testPlayer.ts';

export interface TestWorldOptions {
  readonly maxPlayers?: number;
  readonly name?: string;
  readonly times?: Partial<InstanceTimes>;
  readonly node?: RecordNode;
  /** Of the play port. */
  readonly tls?: TlsFiles;
  readonly onTick?: WorldInstanceOptions['onTick'];
  readonly onPlayer?: WorldInstanceOptions['onPlayer'];
  /** Its private listener has spans. */
  readonly isSeen?: boolean;
}

export interface Reserved {
  readonly playUrl: string;
  readonly seatToken: string;
  readonly expiresAt: string;
}

export class TestWorld implements AsyncDisposable {
  readonly name: string;
  readonly node: RecordNode;
  readonly instance: WorldInstance;
  readonly revoked = new Set<string>();
  readonly faults: unknown[] = [];
  /** Moves the clock of the seats on. */
  aheadMs = 0;
  controlUrl = '';
  playUrl = '';
  /** Of a process of that role, as this world knows it. */
  signer: (role: Role) => Promise<ServiceSigner> = () => Promise.reject(new Error('not started'));
  readonly #ends = new AsyncDisposableStack();

  readonly #isSeen: boolean;

  private constructor(options: TestWorldOptions) {
    const { maxPlayers = 10, name = 'eu-meadow-1-1', times, node, onTick, onPlayer } = options;
    this.name = name;
    this.#isSeen = options.isSeen ?? false;
    this.node = node ?? new RecordNode();
    this.instance = new WorldInstance({
      world: 'meadow',
      instance: name,
      store: this.node,
      configuration: { map: 'meadow', maxPlayers },
      memory: { seed: 7, tick: 0, takings: [] },
      now: () => Date.now() + this.aheadMs,
      askToLetGo: (from, player, fence) => this.#askToLetGo(from, player, fence),
      isRevoked: (subject) => this.revoked.has(subject),
      onChange: () => {},
      onFault: (error) => this.faults.push(error),
      ...(onTick !== undefined && { onTick }),
      ...(onPlayer !== undefined && { onPlayer }),
      times: { ...INSTANCE_TIMES, seatMs: 20, saveMs: 100, ...times },
    });
  }

  static async start(options: TestWorldOptions = {}): Promise<TestWorld> {
    const world = new TestWorld(options);
    await world.#start(options.tls ?? null);
    return world;
  }

  async #start(tls: TlsFiles | null): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'hearsay-world-'));
    this.#ends.defer(() => rm(directory, { recursive: true, force: true }));
    await makeRoleKeys(directory, ROLES);
    this.#ends.use(this.instance);
    const play = this.#ends.use(
      await servePlay(this.instance, {
        host: '127.0.0.1',
        publicHost: tls === null ? '127.0.0.1' : 'localhost',
        port: 0,
        maxConnections: 500,
        tls,
        onFault: (error) => this.faults.push(error),
      }),
    );
    this.playUrl = play.url;
    const app = controlApp({
      instance: this.instance,
      name: this.name,
      playUrl: play.url,
      guard: await openGuard(directory, this.name),
      onDrain: (graceMs) => void this.instance.drain(graceMs),
      onFault: (error) => this.faults.push(error),
      ...(this.#isSeen && { seen: new Seen('world', 'silent').http(() => ({ status: 'ok' })) }),
    });
    const control = this.#ends.use(await listen(app, '127.0.0.1', 0));
    this.controlUrl = control.url;
    this.signer = (role) => openSigner(directory, role);
  }

  async ask(role: Role, method: string, path: string, body?: unknown): Promise<Response> {
    const token = await (await this.signer(role)).tokenFor(this.name);
    return fetch(this.controlUrl + path, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  reserve(player: string, fence = 1, previous: object | null = null): Promise<Response> {
    return this.ask('api', 'POST', '/seats', { player, session: `s-${player}`, fence, previous });
  }

  /** Reserved, connected, and welcome. */
  async play(player: string, fence = 1, previous: object | null = null): Promise<TestPlayer> {
    const answer = await this.reserve(player, fence, previous);
    const { playUrl, seatToken } = (await answer.json()) as Reserved;
    return new TestPlayer(playUrl, seatToken).settled();
  }

  /** Comes before another world is asked to let go of a player. */
  beforeLetGo = async (): Promise<void> => {};
  /** Worlds that a player may come from. */
  readonly neighbours: TestWorld[] = [];

  async #askToLetGo(
    from: { readonly instance: string },
    player: string,
    fence: number,
  ): Promise<string | null> {
    const neighbour = this.neighbours.find(({ name }) => name === from.instance);
    if (neighbour === undefined) throw new Error('It is out of reach.');
    await this.beforeLetGo();
    const answer = await neighbour.ask('world', 'DELETE', `/seats/${player}?fence=${fence}`);
    return ((await answer.json()) as { saved: string | null }).saved;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends.disposeAsync();
  }
}

/** A player's id of the right form. */
export const playerId = (number: number): string => `p${String(number).padStart(32, '0')}`;
