/** A way to a node on which some requests take longer than others. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface Relay extends AsyncDisposable {
  readonly url: string;
  /** Resolves when no request is under way. */
  idle(): Promise<void>;
}

/** @param before is waited for before a request with this body goes on to the node. */
export async function openRelay(
  nodeUrl: string,
  before: (body: string) => Promise<void>,
): Promise<Relay> {
  const node = new URL(nodeUrl);
  const underWay = new Set<Promise<void>>();
  const answer = async (asked: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(asked);
    await before(body);
    const { method, headers, url } = asked;
    const passed = request(new URL(url ?? '/', node), { method, headers }).end(body);
    const [answered] = (await once(passed, 'response')) as [IncomingMessage];
    response.writeHead(answered.statusCode ?? 502, answered.headers);
    await pipeline(answered, response);
  };
  const server = createServer((asked, response) => {
    const answered = answer(asked, response)
      .catch(() => response.destroy())
      .then(() => undefined)
      .finally(() => underWay.delete(answered));
    underWay.add(answered);
  });
  server.on('upgrade', (asked, socket, head) => {
    const onwards = connect(Number(node.port), node.hostname, () => {
      const lines = asked.rawHeaders.map((word, at) => word + (at % 2 === 0 ? ': ' : '\r\n'));
      onwards.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
      onwards.write(head);
      onwards.pipe(socket).pipe(onwards);
    });
    for (const end of [socket, onwards])
      end
        .on('error', () => undefined)
        .once('close', () => [socket, onwards].map((x) => x.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    idle: async () => {
      await Promise.all(underWay);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
