/** The query of `GET /_log/rows` for each request of a reader of lines. */
import type { LineRequest } from './lineReader.ts';

/** With a limit, an answer is one page. */
export function rowsQueryOf(request: LineRequest): string {
  switch (request.type) {
    case 'rows': {
      const { after, upTo, limit, withValues } = request;
      return `after=${after}&upto=${upTo}&limit=${limit.maxRows}${withValues ? '' : '&values=false'}`;
    }
    case 'before':
      return `before=${request.lsn}&limit=${request.limit.maxRows}`;
    case 'at':
      return `lsns=${request.lsns.join(',')}`;
    case 'on': {
      const { key, after, upTo } = request;
      return `key=${encodeURIComponent(key)}&after=${after}&upto=${upTo}&limit=1`;
    }
  }
}
