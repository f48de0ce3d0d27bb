/** A fixed number of GETs on a few connections, for comparisons of processor time: no load is lost to rates and clocks. */
import { connect } from 'node:net';

export interface SteadyLoad {
  readonly port: number;
  readonly connections: number;
  /** Requests in all. */
  readonly count: number;
  /** The text of the next request. */
  readonly next: (index: number) => string;
  /** The statuses that its answers may have. */
  readonly statuses: readonly number[];
}

/** Resolves once all are answered. @throws Error for another status, and if a connection breaks. */
export async function runSteady(load: SteadyLoad): Promise<void> {
  const { connections, count } = load;
  const shares = Array.from({ length: connections }, (_, index) =>
    Math.floor((count + index) / connections),
  );
  await Promise.all(shares.map((share, index) => onOneConnection(load, share, index)));
}

const STATUS_LINE = /HTTP\/1\.1 (\d{3})/;

function onOneConnection(
  { port, next, statuses, connections }: SteadyLoad,
  share: number,
  first: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    let sent = 0;
    const send = (): void => {
      socket.write(next(first + sent++ * connections));
    };
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const bodyAt = text.indexOf('\r\n\r\n');
      if (bodyAt < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < bodyAt + 4 + length) return;
      const status = Number(STATUS_LINE.exec(text)?.[1]);
      text = '';
      if (!statuses.includes(status)) {
        socket.destroy();
        reject(new Error(`a request got ${status}`));
      } else if (sent < share) send();
      else {
        socket.destroy();
        resolve();
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a connection broke')));
    socket.on('connect', send);
  });
}
