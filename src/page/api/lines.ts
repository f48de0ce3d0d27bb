/** Reads a stream of bytes line by line. */

/** A line longer than this is no line of a node. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MOST_CHARACTERS) throw new RangeError('A line has no end.');
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
