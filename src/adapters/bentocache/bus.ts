/**
 * The bus of Bentocache: a message is an entry with a short life, and a watch brings it to the others.
 *
 * Invariants: each message has a key of its own, so that none hides another; a subscriber whose connection
 * breaks goes on where it was, at any node, and misses no message that is still alive.
 */
import { type AdapterOptions, Keyspace } from '../keyspace.ts';

export type HearsayBusOptions = AdapterOptions & {
  /** How long a message waits for subscribers without a connection, in milliseconds; default 60,000. */
  readonly messageTtlMs?: number | undefined;
  /** Called if a subscription ends because no node serves it any more. By default the console warns. */
  readonly onWatchEnd?: ((reason: unknown) => void) | undefined;
};

interface Message {
  /** The bus that has sent it, and does not want it back. */
  readonly busId: string;
  readonly payload: unknown;
}

type Handler = (payload: never) => void | Promise<void>;

/** A clear of the driver must not take messages that nobody has read yet. */
const DEFAULT_PREFIX = 'bentocache-bus:';
const DEFAULT_MESSAGE_TTL_MS = 60_000;

export class HearsayBus {
  readonly #keys: Keyspace;
  readonly #messageTtlMs: number;
  readonly #onWatchEnd: (reason: unknown) => void;
  readonly #reconnected: (() => void)[] = [];
  /** Ends the subscriptions of a channel. */
  readonly #stops = new Map<string, (() => Promise<void>)[]>();
  #busId = '';
  #published = 0;

  /** @throws InvalidRequestError that names the option. */
  constructor(options: HearsayBusOptions) {
    const { messageTtlMs, onWatchEnd, ...connection } = options;
    this.#keys = Keyspace.open(connection, DEFAULT_PREFIX);
    this.#messageTtlMs = messageTtlMs ?? DEFAULT_MESSAGE_TTL_MS;
    this.#onWatchEnd = onWatchEnd ?? warn;
  }

  setId(id: string): this {
    this.#busId = id;
    return this;
  }

  /** Called each time that a subscription has a connection again. */
  onReconnect(callback: () => void): void {
    this.#reconnected.push(callback);
  }

  /** Resolves once a node has stored the message. */
  async publish(channel: string, payload: unknown): Promise<void> {
    this.#published += 1;
    const message: Message = { busId: this.#busId, payload };
    const key = `${this.#busId}:${this.#published}`;
    await this.#channel(channel).put(key, message, this.#messageTtlMs);
  }

  /** Resolves once a node tells messages: those of other buses, from now on. */
  async subscribe(channel: string, handler: Handler): Promise<void> {
    let wasLost = false;
    const stop = await this.#channel(channel).follow({
      values: true,
      onEvent: (event) => {
        if (event.type !== 'put' || !isMessage(event.value)) return;
        if (event.value.busId !== this.#busId) void handler(event.value.payload as never);
      },
      onEnd: this.#onWatchEnd,
      onConnection: ({ isConnected }) => {
        if (isConnected && wasLost) for (const callback of this.#reconnected) callback();
        wasLost = !isConnected;
      },
    });
    this.#stops.set(channel, [...(this.#stops.get(channel) ?? []), stop]);
  }

  async unsubscribe(channel: string): Promise<void> {
    const stops = this.#stops.get(channel) ?? [];
    this.#stops.delete(channel);
    for (const stop of stops) await stop();
  }

  /** Ends all subscriptions, and closes the client, unless it was given. */
  async disconnect(): Promise<void> {
    for (const channel of [...this.#stops.keys()]) await this.unsubscribe(channel);
    await this.#keys.close();
  }

  /** No name of a channel begins another. */
  #channel(channel: string): Keyspace {
    return this.#keys.within(`${encodeURIComponent(channel)}/`);
  }
}

/** For `bentostore().useBus(…)`. */
export const hearsayBusDriver = (options: HearsayBusOptions) => ({
  options: {},
  factory: () => new HearsayBus(options),
});

const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' && value !== null && 'busId' in value && 'payload' in value;

function warn(reason: unknown): void {
  console.warn('A subscription of hearsay/bentocache has ended:', reason);
}
