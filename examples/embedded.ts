/**
 * A web server whose four instances share what they count, each a node of the cluster: no cache to run
 * beside them. `npm run build`, `npm exec -- node examples/embedded.ts`, then
 * `curl http://localhost:3001/somebody` a few times, at ports 3001 to 3004. In production each process is one
 * instance and has one node.
 */
import { createServer } from 'node:http';
import { startNode } from 'hearsay';

const INSTANCES = [1, 2, 3, 4];
const nodes = INSTANCES.map((instance) => `http://127.0.0.1:${7000 + instance}`);

const servers = INSTANCES.map(async (instance) => {
  const cache = await startNode({
    nodeId: `web${instance}`,
    nodes,
    port: 7000 + instance,
    dataDir: `./data/web${instance}`,
  });
  await cache.ready;

  const server = createServer(async (request, response) => {
    const key = `visits${request.url}`;
    // No promise: the answer is in this process.
    const visits = (cache.get<number>(key)?.value ?? 0) + 1;
    await cache.put(key, visits, { ttlMs: 3_600_000 });
    response.end(`${visits} visits; instance ${instance} tells you.\n`);
  });
  server.listen(3000 + instance);
  return { server, cache };
});
const running = await Promise.all(servers);
console.log('http://localhost:3001 to 3004 answer. Ctrl-C ends.');

process.once('SIGINT', async () => {
  for (const { server } of running) server.close();
  await Promise.all(running.map(({ cache }) => cache.close()));
});
