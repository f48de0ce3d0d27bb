/** Reads the file that an earlier run of `hearsay log export` has left, so that the next run goes on from its end. */
import { existsSync, statSync } from 'node:fs';
import { exportedEntryOf, type Head, headOfFile, isEnd } from '../../log/tools/exportFormat.ts';
import { OpsExport } from '../../log/tools/exportOps.ts';
import { parseLine, rowOf } from '../../log/tools/rowLine.ts';
import { SettingError } from '../../words/errors.ts';
import { note } from '../terminal/output.ts';
import { linesOf } from './lines.ts';

export interface BegunExport {
  readonly head: Head;
  /** The checks of the ops in the file; null in a file of entries. */
  readonly ops: OpsExport | null;
  readonly lastLsn: number;
  readonly lastKey: string | null;
  readonly entries: number;
  /** The byte after the last whole line. */
  readonly endByte: number;
  /** Whether the file has the last line of an export. */
  readonly isWhole: boolean;
}

/**
 * @param place the log's name in messages.
 * @returns null if there is no file, or an empty one.
 * @throws SettingError for a file that is no export.
 */
export async function readBegun(file: string, place: string): Promise<BegunExport | null> {
  if (statSync(file, { throwIfNoEntry: false })?.size === 0 || !existsSync(file)) return null;
  let begun: BegunExport | null = null;
  for await (const { text, endByte } of linesOf(file)) {
    if (begun === null) {
      const head = headOfFile(text);
      const ops = head.kind === 'ops' ? new OpsExport(place, head) : null;
      begun = { head, ops, lastLsn: 0, lastKey: null, entries: 0, endByte, isWhole: false };
      continue;
    }
    const fields = parseLine(text);
    if (isEnd(fields)) return { ...begun, isWhole: true };
    if (begun.ops === null) {
      const { key } = exportedEntryOf(text, fields);
      begun = { ...begun, lastKey: key, entries: begun.entries + 1, endByte };
      continue;
    }
    const row = rowOf(fields);
    begun.ops.take(row);
    begun = { ...begun, lastLsn: row.lsn, endByte };
  }
  if (begun === null)
    throw new SettingError(`${file} is there and is no export: name another file.`);
  note(
    `${file} was cut off; going on behind ${begun.ops === null ? `the key ${JSON.stringify(begun.lastKey)}` : `lsn ${begun.lastLsn}`}.`,
  );
  return begun;
}
