/**
 * Nodes of a transcript: real drivers, cores and replicas on logs in memory, on a network that carries
 * one text at a time, with one clock for all. Whatever goes over the network is written down.
 */
import { Driver } from '../../../src/gossip/driver/driver.ts';
import type { CoreSettings } from '../../../src/gossip/protocol/inputOutput.ts';
import { decodeMessage } from '../../../src/gossip/protocol/messages.ts';
import type { Log } from '../../../src/log/log.ts';
import { MemoryLog, type StoredLog } from '../../../src/log/memory.ts';
import { Replica } from '../../../src/replica/replica.ts';
import { defaultLimits } from '../../../src/words/limits.ts';
import { seeded } from '../../../src/words/random.ts';
import type { Request } from '../../../src/words/requests.ts';
import { NOW } from '../../support/cores.ts';
import { newEntries } from '../../support/entries.ts';
import { turn } from '../../support/replicas.ts';
import { Wires, type WireTransport } from '../../support/wires.ts';
import { messageWords } from './words.ts';

const TICK_MS = 100;
/** Turns of the event loop in which a commit and its consequences are over. */
const TURNS = 6;

export interface Player {
  readonly name: string;
  readonly url: string;
  readonly replica: Replica;
  readonly driver: Driver;
  readonly transport: WireTransport;
  /** The log as a copy of its file would hold it now. */
  readonly copyLog: () => StoredLog;
  readonly write: (...requests: Request[]) => Promise<void>;
}

export class Stage {
  readonly #wires = new Wires();
  readonly #lines: string[] = [];
  readonly #players = new Map<string, Player>();
  #clockMs = NOW;
  #isQuiet = false;
  #lost = (_text: string): boolean => false;

  constructor(title: string) {
    this.#lines.push(title);
    this.#wires.onText = ({ from, to, text }) => {
      const isLost = this.#lost(text);
      const [first = '', ...ops] = messageWords(decodeMessage(text));
      this.#line(`${nameOf(from)} → ${nameOf(to)}  ${first}${isLost ? '   [lost]' : ''}`);
      for (const op of ops) this.#line(`                  ${op}`);
      return !isLost;
    };
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  /** A step of the story. */
  say(text: string): void {
    this.#lines.push('', `# ${text}`, '');
  }

  /** The transcript leaves out the messages until then. */
  async quietly<T>(act: () => Promise<T>): Promise<T> {
    this.#isQuiet = true;
    try {
      return await act();
    } finally {
      this.#isQuiet = false;
    }
  }

  /** From now on the network loses the messages of which this is true. */
  lose(isLost: (text: string) => boolean): void {
    this.#lost = isLost;
  }

  cut({ url }: Player): void {
    this.#wires.cut(url);
  }

  mend({ url }: Player): void {
    this.#wires.mend(url);
  }

  /** Starts a node that knows the other nodes of the stage. */
  async start(name: string, stored?: StoredLog, others: readonly string[] = []): Promise<Player> {
    const url = urlOf(name);
    const transport = this.#wires.attach(url);
    let lives = 0;
    let log: MemoryLog;
    const open = (from?: StoredLog): MemoryLog => {
      const origin = `${name}.${lifeName(lives++)}`;
      log = new MemoryLog({
        clusterName: 'hearsay',
        newOrigin: () => origin,
        ...(from === undefined ? {} : { stored: from }),
      });
      return log;
    };
    const replica = await Replica.open({
      nodeId: name,
      log: open(stored),
      place: `the log of ${name}`,
      clock: () => this.#clockMs,
      limits: defaultLimits,
      entries: newEntries(),
    });
    const known = [...this.#players.values()].map((player) => player.url);
    const driver = new Driver({
      replica,
      transport,
      settings: settingsOf(name, [...known, ...others.map(urlOf)]),
      random: seeded(1),
      steadyMs: () => this.#clockMs,
      pause: async () => {},
      note: (_level, text) => this.#line(`${name} notes: ${text}`),
      newId: () => 'the-cluster',
      newOrigin: () => `${name}.renewed`,
      logs: {
        renew: async (): Promise<Log> => open(),
        exchange: async () => ({ log: open(), asideName: name }),
        openAside: async () => null,
        dropAside: async () => {},
      },
      fail: (error) => {
        throw error;
      },
    });
    const player: Player = {
      name,
      url,
      replica,
      driver,
      transport,
      copyLog: () => log.stored(),
      write: async (...requests) => {
        await replica.submit(requests);
        await this.settle();
      },
    };
    this.#players.set(name, player);
    await this.settle();
    return player;
  }

  async stop(player: Player): Promise<void> {
    this.#players.delete(player.name);
    await player.driver.stop();
    await this.settle();
  }

  /** Lets everything happen that is under way. */
  async settle(): Promise<void> {
    for (let isBusy = true; isBusy; isBusy = this.#wires.next())
      for (let turns = 0; turns < TURNS; turns++) await turn();
  }

  /** Lets time pass. */
  async pass(durationMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += TICK_MS) {
      this.#clockMs += TICK_MS;
      for (const { driver } of this.#players.values()) driver.tick();
      await this.settle();
    }
  }

  #line(text: string): void {
    if (!this.#isQuiet) this.#lines.push(`  ${text}`);
  }
}

/** `aaaaaa`, then `bbbbbb`; another one for each life of a log. */
const lifeName = (lives: number): string => {
  const letter = String.fromCharCode('a'.charCodeAt(0) + (lives % 26)).repeat(6);
  return lives < 26 ? letter : `${letter}${Math.floor(lives / 26)}`;
};

const urlOf = (name: string): string => `http://${name}`;
const nameOf = (url: string): string => url.slice('http://'.length);

const settingsOf = (name: string, urls: readonly string[]): CoreSettings => ({
  nodeId: name,
  cluster: 'hearsay',
  instance: `${name}-process`,
  urls,
  url: urlOf(name),
  firstRedialMs: 200,
  maxRedialMs: 2000,
  maxMembers: 64,
  meshLimit: 64,
  maxJoinsPerMinute: 5,
  joinTimeoutMs: 10_000,
  // Each transcript shows the exchange that its step brings about, and not the rounds beside it.
  pullIntervalMs: 60_000,
  pullTimeoutMs: 10_000,
  maxClockSkewMs: 30_000,
  memberTimeoutMs: 1e9,
  claimPatienceMs: 60_000,
  rejoinPauseMs: 600_000,
  peerRefusalMs: 600_000,
  hearingMs: 15_000,
});
