/** etcd beside the nodes, by the JSON gateway that it serves to clients without gRPC. */
import { spawn } from 'node:child_process';
import type { LoadRequest } from './load.ts';
import { ended, freePorts, temporaryDirectory, untilReady } from './processes.ts';

const START_TIMEOUT_MS = 30_000;

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export interface Etcd extends AsyncDisposable {
  readonly url: string;
}

export async function startEtcd(): Promise<Etcd> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(temporaryDirectory());
  const [clientPort, peerPort] = await freePorts(2);
  const url = `http://127.0.0.1:${clientPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const clients = ['--listen-client-urls', url, '--advertise-client-urls', url];
  const peers = ['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl];
  const words = ['--name', 'bench', '--data-dir', path, ...clients, ...peers];
  const server = spawn('etcd', [...words, '--initial-cluster', `bench=${peerUrl}`], {
    stdio: 'ignore',
  });
  resources.defer(() => ended(server));
  const isHealthy = async () => (await fetch(`${url}/health`)).ok;
  await untilReady(server, 'etcd', isHealthy, START_TIMEOUT_MS);
  const running = resources.move();
  return { url, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

export const etcdPut = (key: string, value: string): LoadRequest => ({
  method: 'POST',
  path: '/v3/kv/put',
  body: JSON.stringify({ key: base64(key), value: base64(value) }),
});

export async function etcdSend({ url }: Etcd, { path, body }: LoadRequest): Promise<unknown> {
  const answer = await fetch(`${url}${path}`, { method: 'POST', body: body ?? null });
  if (!answer.ok) throw new Error(`etcd answered ${answer.status}`);
  return answer.json();
}

/** Asks for a key. @returns its value, and the number of writes that the store has taken. */
export async function etcdGet(
  etcd: Etcd,
  key: string,
): Promise<{ value: string | null; revision: number }> {
  const body = JSON.stringify({ key: base64(key) });
  const range: LoadRequest = { method: 'POST', path: '/v3/kv/range', body };
  const { header, kvs } = (await etcdSend(etcd, range)) as {
    header: { revision: string };
    kvs?: { value: string }[];
  };
  const value = kvs?.[0]?.value;
  return {
    value: value === undefined ? null : Buffer.from(value, 'base64').toString(),
    revision: Number(header.revision),
  };
}
