/** A page of the log as `GET /_log/rows` answers it: lines of rows, and a last line that tells where the next page starts. */
import { isCount } from '../../words/shape.ts';
import type { LinePage } from './lineReader.ts';
import type { PageFault } from './logSource.ts';
import { type Fields, parseLine } from './rowLine.ts';

const LINE_FEED = 0x0a;

/** @throws HearsayError if the last line is not that of a page. */
export function linePageOf(bytes: Uint8Array<ArrayBuffer>): LinePage {
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
