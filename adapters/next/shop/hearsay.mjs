/** One client for both handlers. Endpoints are those of `npm start` unless HEARSAY_URL names others. */
import { createClient } from 'hearsay/client';

export const client = createClient({
  endpoints: (process.env.HEARSAY_URL ?? 'http://localhost:8001,http://localhost:8002').split(','),
  attemptTimeoutMs: 1000,
  maxRounds: 2,
});
