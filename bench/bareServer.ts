/** The yardstick: a bare `node:http` server that answers the bytes of a node's answers from a Map. */
import { fork } from 'node:child_process';
import { ended } from './processes.ts';

const PROCESS = new URL('./bareServerProcess.ts', import.meta.url).pathname;

export interface BareServer extends AsyncDisposable {
  readonly url: string;
}

/** @param keys the number of keys that it holds. */
export async function startBareServer(keys: number): Promise<BareServer> {
  const child = fork(PROCESS, [String(keys)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve(message.port));
    child.once('exit', () => reject(new Error('the bare server did not start')));
  });
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => ended(child) };
}
