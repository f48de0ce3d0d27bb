/**
 * The way from one node to another in user space: a TCP relay on loopback, with a link for each
 * direction.
 *
 * A cut holds the bytes and loses none, as TCP does which repeats them; a lost packet is a pause, for the
 * time in which TCP would notice. A connection that is dialled during a cut waits for its end.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Link, SOUND } from './links.ts';

/** The time after which TCP repeats a packet, and the most that it may be longer. */
const REPEAT_MS = 200;
const REPEAT_JITTER_MS = 300;
/** Bytes in flight beyond which the relay reads no more, as a window does. */
const MAX_HELD_BYTES = 1 << 20;

export class Relay {
  targetPort = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  #forth: Link = SOUND;
  #back: Link = SOUND;

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (inbound) => void this.#relay(inbound));
  }

  /** @returns the base URL to dial. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** @param forth the direction from the dialler; @param back the direction to it. */
  set(forth: Link, back: Link): void {
    this.#forth = forth;
    this.#back = back;
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.set(SOUND, SOUND);
  }

  async #relay(inbound: Socket): Promise<void> {
    this.#keep(inbound);
    inbound.pause();
    while (this.#forth.isCut || this.#back.isCut) await this.#change();
    if (inbound.destroyed) return;
    const outbound = connect({ port: this.targetPort, host: '127.0.0.1', allowHalfOpen: true });
    this.#keep(outbound);
    void this.#carry(inbound, outbound, () => this.#forth);
    void this.#carry(outbound, inbound, () => this.#back);
  }

  /** One direction of a connection, until it ends. */
  async #carry(from: Socket, to: Socket, link: () => Link): Promise<void> {
    const flow = new Flow(from, link);
    for (;;) {
      const next = await flow.next();
      while (link().isCut) await this.#change();
      if (next === 'broken') {
        to.destroy();
        return;
      }
      if (to.destroyed) return;
      if (next === 'ended') {
        to.end();
        return;
      }
      if (!to.write(next))
        await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {});
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

/** The bytes of one direction, each chunk with the time at which it is due. */
class Flow {
  readonly #chunks: { readonly bytes: Buffer; readonly dueAt: number }[] = [];
  readonly #from: Socket;
  #heldBytes = 0;
  #lastDueAt = 0;
  #end: 'ended' | 'broken' | null = null;
  #wake: () => void = () => {};

  constructor(from: Socket, link: () => Link) {
    this.#from = from;
    from.on('data', (bytes: Buffer) => this.#take(bytes, link()));
    from.on('end', () => this.#finish('ended'));
    from.on('close', () => this.#finish('broken'));
    from.resume();
  }

  /** The next chunk once it is due, or how the direction has ended. */
  async next(): Promise<Buffer | 'ended' | 'broken'> {
    for (;;) {
      const [first] = this.#chunks;
      if (first === undefined) {
        if (this.#end !== null) return this.#end;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const restMs = first.dueAt - performance.now();
      if (restMs > 0) await wait(restMs);
      this.#chunks.shift();
      this.#heldBytes -= first.bytes.length;
      if (this.#heldBytes < MAX_HELD_BYTES) this.#from.resume();
      return first.bytes;
    }
  }

  #take(bytes: Buffer, { delayMs, jitterMs, lossPercent }: Link): void {
    const isLost = Math.random() * 100 < lossPercent;
    const repeatMs = isLost ? REPEAT_MS + Math.random() * REPEAT_JITTER_MS : 0;
    const dueAt = performance.now() + delayMs + Math.random() * jitterMs + repeatMs;
    // TCP gives its bytes in order, so a late chunk holds those behind it.
    this.#lastDueAt = Math.max(this.#lastDueAt, dueAt);
    this.#chunks.push({ bytes, dueAt: this.#lastDueAt });
    this.#heldBytes += bytes.length;
    if (this.#heldBytes >= MAX_HELD_BYTES) this.#from.pause();
    this.#wake();
  }

  /** The first end counts: a socket that has ended closes as well. */
  #finish(end: 'ended' | 'broken'): void {
    this.#end ??= end;
    this.#wake();
  }
}
