/** The log of a running node, read over HTTP. */
import { factsOf } from '../../log/tools/factsJson.ts';
import { linePageOf } from '../../log/tools/linePage.ts';
import type { LinePage, LineReader, LineRequest } from '../../log/tools/lineReader.ts';
import type { LogFacts } from '../../log/tools/logSource.ts';
import { rowsQueryOf } from '../../log/tools/rowsQuery.ts';
import type { RemoteNode } from './remoteNode.ts';

export class UrlReader implements LineReader {
  readonly #node: RemoteNode;

  constructor(node: RemoteNode) {
    this.#node = node;
  }

  async facts(): Promise<LogFacts> {
    return factsOf(await this.#node.get('/_log'));
  }

  async lines(request: LineRequest): Promise<LinePage> {
    return linePageOf(await this.#node.bytes(`/_log/rows?${rowsQueryOf(request)}`));
  }

  /** Lines of the rows after that lsn, as they come, those that come together at once. Ends with the connection. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<readonly string[]> {
    let rest = '';
    for await (const text of this.#node.stream(`/_log/rows?after=${after}&follow=true`, signal)) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      yield lines.filter((line) => line.startsWith('{"lsn":'));
    }
  }

  async close(): Promise<void> {}
}
