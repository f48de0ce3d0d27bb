import { createIsrHandler } from 'hearsay/next';

export default createIsrHandler({
  endpoints: (process.env.HEARSAY_URL ?? 'http://localhost:8001').split(','),
  prefix: 'news:',
});
