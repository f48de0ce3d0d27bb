/**
 * A counter that many writers raise at once, and one that reads its own writes on another node:
 * `npm start`, `npm run build`, then `npm exec -- node examples/counter.ts`.
 */
import { createClient } from 'hearsay/client';

await using writer = createClient({ endpoints: ['http://localhost:8001'] });
const raise = () => writer.update<number>('visits', (visits = 0) => visits + 1, { maxTries: 100 });
await Promise.all(Array.from({ length: 20 }, raise));

// The token stands for the writer's writes: this read waits until node 2 has them.
await using reader = createClient({ endpoints: ['http://localhost:8002'] });
console.log((await reader.get<number>('visits', { after: writer.token }))?.value);
