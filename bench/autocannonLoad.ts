/** autocannon in a process of its own, so that its work does not count as the bench's. */
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

const { url, connections, seconds, file } = JSON.parse(process.argv[2] ?? '{}');
const given = JSON.parse(readFileSync(file, 'utf8'));
const { requests, non2xx, errors } = await autocannon({
  url,
  connections,
  duration: Math.ceil(seconds),
  requests: [
    {
      setupRequest: (request: object) => {
        const { method, path, body } = given[Math.floor(Math.random() * given.length)];
        const headers = body === undefined ? {} : { 'content-type': 'application/json' };
        return { ...request, method, path, headers, body };
      },
    },
  ],
});
console.log(
  JSON.stringify({
    answers: requests.total,
    perSecond: requests.average,
    errors: non2xx + errors,
  }),
);
