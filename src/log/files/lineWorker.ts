/** The thread that reads a running node's log for the tools. */
import { setPriority } from 'node:os';
import { serve } from '../sqlite/workerServer.ts';
import type { LinePage, LineRequest } from '../tools/lineReader.ts';
import type { Page } from '../tools/logSource.ts';
import { headLine, rowLine } from '../tools/rowLine.ts';
import type { Ask, Close, LineReply } from './lineMessages.ts';
import type { LogFile } from './logFile.ts';
import { type OpenedFile, openLogFile } from './openFile.ts';

const LOWEST_PRIORITY = 19;

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

function page<T>({ items, next, fault }: Page<T>, line: (item: T) => string): LinePage {
  let text = '';
  for (const item of items) text += `${line(item)}\n`;
  return { lines: Buffer.from(text), rows: items.length, next, fault };
}

function read(log: LogFile, request: LineRequest): LinePage {
  switch (request.type) {
    case 'rows': {
      const { after, upTo, limit, withValues } = request;
      if (withValues) return page(log.rows(after, upTo, limit), rowLine);
      return page(log.heads(after, upTo, limit.maxRows), headLine);
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

serve(answer);
