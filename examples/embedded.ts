/**
 * A web app of four instances, each a node of the cluster: no cache to run beside them, and no port but one
 * for the other instances. `npm run build`, `npm exec -- node examples/embedded.ts`, then
 * `curl http://localhost:3001/somebody` a few times, at ports 3001 to 3004. In production each process is one
 * instance and has one node. Other ports: `node examples/embedded.ts 4001 8001`.
 */
import { createServer } from 'node:http';
import { openNode } from 'hearsay';

const [webPort = 3001, peerPort = 7001] = process.argv.slice(2).map(Number);
const INSTANCES = [0, 1, 2, 3];
const nodes = INSTANCES.map((instance) => `http://127.0.0.1:${peerPort + instance}`);

const servers = INSTANCES.map(async (instance) => {
  const cache = await openNode({
    nodeId: `web${instance + 1}`,
    nodes,
    peerPort: peerPort + instance,
    dataDir: `./data/web${instance + 1}`,
  });
  await cache.ready;

  // Each instance counts in entries of its own, so that no visit is lost.
  const counts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const page = `visits${request.url}#`;
    const own = `${page}${instance}`;
    const count = (counts.get(own) ?? cache.get<number>(own)?.value ?? 0) + 1;
    counts.set(own, count);
    await cache.put(own, count, { ttlMs: 3_600_000 });
    // No promise: the entries are in this process.
    let visits = 0;
    for (const { value } of cache.list<number>({ prefix: page })) visits += value;
    response.end(`${visits} visits; instance ${instance + 1} tells you.\n`);
  });
  server.listen(webPort + instance);

  // Every instance hears of every change.
  const watch = async () => {
    for await (const event of cache.watch({ prefix: 'visits/' }))
      if (event.type === 'put')
        console.log(`instance ${instance + 1}: ${event.key} ${event.value}`);
  };
  return { server, cache, watching: watch() };
});
const running = await Promise.all(servers);
console.log(`http://localhost:${webPort} to ${webPort + 3} answer. Ctrl-C ends.`);

process.once('SIGINT', async () => {
  for (const { server } of running) server.close();
  await Promise.all(running.map(({ cache }) => cache.close()));
  await Promise.all(running.map(({ watching }) => watching));
});
