// Exits 0 if the node of this container answers. Node asks by itself, as the image has no curl.
const host = process.env.HOST ?? '127.0.0.1';
// A node that listens on all addresses is asked on the nearest.
const nearest = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? host;
try {
  const answer = await fetch(`http://${nearest}:${process.env.PORT ?? 8000}/_health`, {
    signal: AbortSignal.timeout(3000),
  });
  process.exitCode = answer.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
