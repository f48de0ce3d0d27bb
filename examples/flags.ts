/**
 * Feature flags that every process reads from memory: `npm start`, `npm run build`, then
 * `npm exec -- node examples/flags.ts`, and in another shell
 * `npm run hearsay -- put flags/beta true --url http://localhost:8001`.
 */
import { createClient } from 'hearsay/client';

await using cache = createClient({ endpoints: ['http://localhost:8001', 'http://localhost:8002'] });
await using flags = cache.replica<boolean>('flags/');
await flags.synced;

const isOn = (name: string): boolean => flags.get(`flags/${name}`)?.value === true;

console.log(`${flags.size} flags; beta is ${isOn('beta') ? 'on' : 'off'}. Ctrl-C ends.`);
flags.onChange(({ type, key, entry }) => console.log(type, key, entry?.value ?? ''));
await flags.closed;
