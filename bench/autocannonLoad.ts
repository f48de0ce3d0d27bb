/** autocannon in a process of its own, so that its work does not count as the bench's. */
import autocannon from 'autocannon';

const { url, method, connections, seconds, body, keys } = JSON.parse(process.argv[2] ?? '{}');
const result = await autocannon({
  url,
  connections,
  duration: seconds,
  requests: [
    {
      method,
      headers: { 'content-type': 'application/json' },
      setupRequest: (request: object) => ({
        ...request,
        path: `/cache/key${1 + Math.floor(Math.random() * keys)}`,
        ...(method === 'PUT' && { body }),
      }),
    },
  ],
});
console.log(
  JSON.stringify({ rate: result.requests.average, errors: result.non2xx + result.errors }),
);
