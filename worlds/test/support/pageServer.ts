/** One origin for the page: its files, identity, and the api of a region behind them. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { loadPage } from '../../page/pageFiles.ts';

export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

export async function servePage(identityUrl: string, apiUrl: string): Promise<PageServer> {
  const files = loadPage({ playSources: ['ws://127.0.0.1:*'] });
  const server = createServer((asked, answer) => {
    const { pathname } = new URL(asked.url ?? '/', 'http://localhost');
    const file = asked.method === 'GET' ? files.get(pathname) : undefined;
    if (file === undefined) {
      pass(asked, answer, pathname.startsWith('/identity/') ? identityUrl : apiUrl);
      return;
    }
    answer.writeHead(200, { 'Content-Type': file.type, ...file.headers });
    answer.end(file.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The page has no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pass(asked: IncomingMessage, answer: ServerResponse, base: string): void {
  const { method, headers } = asked;
  const onward = request(new URL(asked.url ?? '/', base), { method, headers }, (answered) => {
    answer.writeHead(answered.statusCode ?? 502, answered.headers);
    answered.pipe(answer);
  });
  onward.on('error', () => answer.destroy());
  answer.on('close', () => onward.destroy());
  asked.pipe(onward);
}
