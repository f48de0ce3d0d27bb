/**
 * Put, watch, and go on after a restart: `npm start`, `npm run build`, then
 * `npm exec -- node examples/sixLines.ts`. End it, change something, start it again: it goes on where it was.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'hearsay/client';

const file = join(tmpdir(), 'hearsay-example-cursor.txt');
const cursor = existsSync(file) ? { cursor: readFileSync(file, 'utf8') } : { initial: true };

const cache = createClient({ endpoints: [1, 2, 3].map((n) => `http://localhost:800${n}`) });
await cache.put('greeting', { text: 'hello', at: new Date() }, { ttlMs: 60_000 });
for await (const event of cache.watch({ prefix: 'greet', ...cursor })) {
  console.log(event.type, 'key' in event ? event.key : '', event.type === 'put' ? event.value : '');
  writeFileSync(file, event.cursor);
}
