// Exits 0 if the node of this container answers. Node asks by itself, as the image has no curl.
const host = process.env.HOST ?? '127.0.0.1';
// A node that listens on all addresses is asked on the nearest.
const nearest = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? host;
const scheme = process.env.TLS_CERT ? 'https' : 'http';
const { get } = await import(`node:${scheme}`);
const url = `${scheme}://${nearest}:${process.env.PORT || 8000}/_health`;
process.exitCode = 1;
// The certificate is for other names than that of loopback, and nothing secret is asked.
const options = { signal: AbortSignal.timeout(3000), rejectUnauthorized: false };
get(url, options, (answer) => {
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
  answer.resume();
}).on('error', () => {});
