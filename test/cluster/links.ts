/**
 * Links between nodes that a test can cut: node i reaches node j only through a TCP relay of its own,
 * and names no URL at which the others could reach it past the relays.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

class Relay {
  targetPort = 0;
  #isCut = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((inbound) => this.#relay(inbound));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  set isCut(isCut: boolean) {
    this.#isCut = isCut;
    if (isCut) for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.isCut = true;
    this.#server.close();
  }

  #relay(inbound: Socket): void {
    this.#keep(inbound);
    if (this.#isCut) {
      inbound.destroy();
      return;
    }
    const outbound = connect(this.targetPort, '127.0.0.1');
    this.#keep(outbound);
    inbound.pipe(outbound);
    outbound.pipe(inbound);
    inbound.on('close', () => outbound.destroy());
    outbound.on('close', () => inbound.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

export class Links implements AsyncDisposable {
  /** By the index of the node that dials, then of the one that is dialled. */
  readonly #relays: readonly (readonly Relay[])[];

  private constructor(nodes: number) {
    const indexes = Array.from({ length: nodes }, (_, index) => index);
    this.#relays = indexes.map(() => indexes.map(() => new Relay()));
  }

  static async open(nodes: number): Promise<Links> {
    const links = new Links(nodes);
    await Promise.all(links.#relays.flat().map((relay) => relay.listen()));
    return links;
  }

  /** The settings of a node by which it reaches the others through links. @param urls where they listen. */
  settingsOf(index: number, urls: readonly string[]): { NODES: string; URL: undefined } {
    const own = this.#relays[index] ?? [];
    for (const [other, relay] of own.entries())
      relay.targetPort = Number(new URL(urls[other] ?? '').port);
    const others = own.filter((_, other) => other !== index);
    return { NODES: others.map(({ url }) => url).join(','), URL: undefined };
  }

  /** From now on only nodes of one side reach one another; `[[0, 1, 2]]` is all of three. */
  divide(sides: readonly (readonly number[])[]): void {
    for (const [from, relays] of this.#relays.entries())
      for (const [to, relay] of relays.entries())
        relay.isCut = !sides.some((side) => side.includes(from) && side.includes(to));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays.flat()) relay.close();
  }
}
