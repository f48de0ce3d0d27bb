/** The log of a running node, read over HTTP. */
import { factsOf } from '../../log/tools/factsJson.ts';
import type { LinePage, LineReader, LineRequest } from '../../log/tools/lineReader.ts';
import type { LogFacts, PageFault } from '../../log/tools/logSource.ts';
import { type Fields, parseLine } from '../../log/tools/rowLine.ts';
import { rowsQueryOf } from '../../log/tools/rowsQuery.ts';
import { isCount } from '../../words/shape.ts';
import type { RemoteNode } from './remoteNode.ts';

const LINE_FEED = 0x0a;

export class UrlReader implements LineReader {
  readonly #node: RemoteNode;

  constructor(node: RemoteNode) {
    this.#node = node;
  }

  async facts(): Promise<LogFacts> {
    return factsOf(await this.#node.get('/_log'));
  }

  async lines(request: LineRequest): Promise<LinePage> {
    const bytes = await this.#node.bytes(`/_log/rows?${rowsQueryOf(request)}`);
    const end = bytes.lastIndexOf(LINE_FEED, bytes.length - 2) + 1;
    const lines = bytes.subarray(0, end);
    const { next, fault } = parseLine(new TextDecoder().decode(bytes.subarray(end)));
    return {
      lines,
      rows: lineFeedsIn(lines),
      next: isCount(next) ? next : null,
      fault: faultOf(fault),
    };
  }

  /** Lines of the rows after that lsn, as they come. Ends with the connection. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<string> {
    let rest = '';
    for await (const text of this.#node.stream(`/_log/rows?after=${after}&follow=true`, signal)) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{"lsn":')) yield line;
    }
  }

  async close(): Promise<void> {}
}

function lineFeedsIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

function faultOf(value: unknown): PageFault | null {
  if (typeof value !== 'object' || value === null) return null;
  const { afterLsn, upToLsn, message }: Fields = { ...value };
  if (!isCount(afterLsn) || typeof message !== 'string') return null;
  return { afterLsn, upToLsn: isCount(upToLsn) ? upToLsn : null, message };
}
