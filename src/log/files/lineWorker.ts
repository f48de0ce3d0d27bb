/** The thread that reads a running node's log for the tools. */
import { setPriority } from 'node:os';
import type { Row } from '../../words/row.ts';
import type { PageLimit } from '../log.ts';
import { serve } from '../sqlite/workerServer.ts';
import type { LinePage, LineRequest } from '../tools/lineReader.ts';
import type { Head, Page } from '../tools/logSource.ts';
import { LineBytes } from './lineBytes.ts';
import type { Ask, Close, LineReply } from './lineMessages.ts';
import type { LogFile } from './logFile.ts';
import { type OpenedFile, openLogFile } from './openFile.ts';

const LOWEST_PRIORITY = 19;
/**
 * Rows of one statement: few, so that none holds up the write-ahead log for long when this thread has to give way, and
 * that they are garbage before the next collection of young objects.
 */
const PART_ROWS = 256;

// Linux gives each thread a priority of its own; on other systems this would change the whole node's.
if (process.platform === 'linux') setPriority(LOWEST_PRIORITY);

let opened: { readonly file: OpenedFile; readonly origin: string } | null = null;

/** The log of that origin, opened again if the open file belongs to another origin by now. */
function open({ directory, origin }: Ask): LogFile {
  if (opened?.origin === origin) return opened.file.log;
  opened?.file.close();
  opened = { file: openLogFile(directory), origin };
  return opened.file.log;
}

const bytes = new LineBytes();
const rowLine = (row: Row): void => bytes.row(row);
const headLine = (head: Head): void => bytes.head(head);

function page<T>({ items, next, fault }: Page<T>, write: (item: T) => void): LinePage {
  for (const item of items) write(item);
  return { lines: bytes.take(), rows: items.length, next, fault };
}

/** A page that is read in parts. @param read one part. */
function inParts<T>(
  { after, limit }: { readonly after: number; readonly limit: PageLimit },
  read: (after: number, limit: PageLimit) => Page<T>,
  write: (item: T) => void,
): LinePage {
  let rows = 0;
  for (let from = after; ; ) {
    const maxRows = Math.min(PART_ROWS, limit.maxRows - rows);
    const { items, next, fault } = read(from, {
      maxRows,
      maxBytes: limit.maxBytes - bytes.length,
    });
    for (const item of items) write(item);
    rows += items.length;
    const isFull = rows >= limit.maxRows || bytes.length >= limit.maxBytes;
    if (next === null || fault !== null || isFull)
      return { lines: bytes.take(), rows, next, fault };
    from = next;
  }
}

function read(log: LogFile, request: LineRequest): LinePage {
  switch (request.type) {
    case 'rows': {
      const { upTo, withValues } = request;
      if (withValues)
        return inParts(request, (after, limit) => log.rows(after, upTo, limit), rowLine);
      return inParts(request, (after, { maxRows }) => log.heads(after, upTo, maxRows), headLine);
    }
    case 'before':
      return page(log.rowsBefore(request.lsn, request.limit), rowLine);
    case 'at':
      return page({ items: log.rowsAt(request.lsns), next: null, fault: null }, rowLine);
    case 'on':
      return page(log.rowsOn(request.key, request.after, request.upTo), rowLine);
  }
}

function answer(request: Ask | Close): LineReply {
  if (request.type === 'close') {
    opened?.file.close();
    return { type: 'done' };
  }
  const log = open(request);
  if (request.request === null) return { type: 'facts', facts: log.facts(Date.now()) };
  return { type: 'page', page: read(log, request.request) };
}

serve(answer, (reply) => (reply.type === 'page' ? [reply.page.lines.buffer] : []));
