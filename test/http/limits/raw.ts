/** A client of a raw connection, for tests of what a client may send ahead and leave unread. */
import { connect, type Socket } from 'node:net';

/** Everything that comes on a connection, which stays open. */
export class Raw {
  readonly socket: Socket;
  text = '';
  isClosed = false;

  /** @param localAddress the client's own address, one of this machine's. */
  constructor(port: number, bytes: string, localAddress = '127.0.0.1') {
    const host = localAddress.includes(':') ? '::1' : '127.0.0.1';
    const place = { port, host, localAddress };
    this.socket = connect(place, () => this.socket.write(bytes));
    this.socket.setEncoding('latin1').on('data', (text: string) => {
      this.text += text;
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
    });
  }

  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
