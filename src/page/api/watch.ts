/** Tells that keys with a prefix have changed, from the watch of whichever node is asked. Holds nothing but a cursor. */
import { linesOf } from './lines.ts';
import { nodes } from './nodes.ts';

const RETRY_MS = 1000;

/**
 * Goes on at another node, from the same cursor, when the stream ends.
 *
 * @param changed called for each event of a key, touches among them.
 * @returns a function that ends it.
 */
export function watchKeys(prefix: string, changed: (key: string) => void): () => void {
  const over = new AbortController();
  void follow(prefix, changed, over.signal);
  return () => over.abort();
}

async function follow(
  prefix: string,
  changed: (key: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let cursor: string | null = null;
  while (!signal.aborted) {
    const from: string = cursor === null ? '' : `&cursor=${cursor}`;
    const path = `/watch?prefix=${encodeURIComponent(prefix)}&values=false&touches=true${from}`;
    try {
      const stream = await nodes.stream(nodes.present.value, path, signal);
      for await (const line of linesOf(stream)) {
        if (!line.startsWith('data:')) continue;
        const event: { cursor?: string; key?: string; type: string } = JSON.parse(line.slice(5));
        cursor = event.cursor ?? cursor;
        if (event.key !== undefined) changed(event.key);
        // The node can't go on from the cursor: all may have changed.
        else if (event.type === 'reset') changed(prefix);
      }
    } catch {
      // A refused cursor would be refused again.
      cursor = null;
    }
    if (signal.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    // It finds the next node if this one is gone.
    await nodes.read('/livez').catch(() => {});
    if (cursor === null) changed(prefix);
  }
}
