/** Files of lines: read in bounded memory, and written so that an interrupted run can be continued. */

import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { MalformedLineError } from '../../log/tools/rowLine.ts';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { fileFailure } from '../../words/fileFailure.ts';
import { type LineOutput, writeFailure } from '../terminal/output.ts';

export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** Bytes of the file up to the end of the line, with its line feed. */
  readonly endByte: number;
}

const LINE_FEED = 0x0a;

/**
 * Yields the lines that end in a line feed, except blank ones. An incomplete last line is left out, and
 * so is the mark of UTF-8 at the beginning, which editors on Windows write.
 *
 * @param isWhole whether a text at the end without a line feed counts as a line.
 */
export async function* linesOf(
  file: string,
  isWhole: (text: string, number: number) => boolean = () => false,
): AsyncGenerator<Line> {
  let pieces: Buffer[] = [];
  let number = 0;
  let endByte = 0;
  try {
    for await (const read of createReadStream(file, { highWaterMark: 256 * 1024 })) {
      const chunk: Buffer = read;
      let from = 0;
      for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
        pieces.push(chunk.subarray(from, at));
        const bytes = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
        pieces = [];
        from = at + 1;
        number++;
        endByte += (bytes?.length ?? 0) + 1;
        const text = textOf(file, bytes ?? Buffer.alloc(0), number);
        if (text.trim() !== '') yield { text, number, endByte };
      }
      if (from < chunk.length) pieces.push(chunk.subarray(from));
    }
    const bytes = Buffer.concat(pieces);
    const text = textOf(file, bytes, number + 1);
    const last = { text, number: number + 1, endByte: endByte + bytes.length };
    if (text.trim() !== '' && isWhole(last.text, last.number)) yield last;
  } catch (error) {
    throw readError(file, error);
  }
}

/** @throws SettingError for a file in UTF-16. */
function textOf(file: string, bytes: Buffer, number: number): string {
  if (number > 1) return bytes.toString();
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw new SettingError(`The file ${file} is in UTF-16: save it as UTF-8.`);
  return bytes.toString().replace(/^\ufeff/, '');
}

/** Reads a line. @throws HearsayError that names a line of the file that is malformed. */
export function readLine<T>({ text, number }: Line, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof MalformedLineError)) throw error;
    throw new HearsayError(`Line ${number}: ${error.message}`, { cause: error });
  }
}

function readError(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof HearsayError || !('code' in error))
    return error;
  if (error.code === 'ENOENT')
    return new SettingError(`There is no file ${file}.`, { cause: error });
  return error.code === 'EISDIR' || error.code === 'EACCES'
    ? new SettingError(`The file ${file} can't be read (${fileFailure(error)}).`, { cause: error })
    : error;
}

/** Null if there is no such file. */
async function sizeOf(path: string): Promise<number | null> {
  const status = await stat(path).catch(() => null);
  return status?.size ?? null;
}

/** Takes lines, for stdout or for a file. */
export type LineSink = Pick<LineOutput, 'line' | 'flush'>;

const GATHERED_CHARACTERS = 256 * 1024;

/** Takes lines into a file, as `LineOutput` does for stdout. */
export class FileOutput {
  readonly #file: FileHandle;
  #text = '';

  /** @param fromByte the file is truncated here and continued; 0 starts anew. */
  static async open(path: string, fromByte: number): Promise<FileOutput> {
    try {
      // A run that was killed at once leaves an empty file.
      const isNew = fromByte === 0 && (await sizeOf(path)) !== 0;
      const file = await open(path, isNew ? 'wx' : fromByte === 0 ? 'w' : 'r+', 0o600);
      if (fromByte > 0) await file.truncate(fromByte);
      const isRegular = (await file.stat()).isFile();
      return new FileOutput(path, file, isRegular ? fromByte : null);
    } catch (error) {
      throw new SettingError(
        `The file ${path} can't be written (${error instanceof Error ? error.message : String(error)}).`,
        { cause: error },
      );
    }
  }

  readonly #path: string;
  /** Null for a pipe or a device, which has no positions and nothing to sync. */
  #position: number | null;

  private constructor(path: string, file: FileHandle, position: number | null) {
    this.#path = path;
    this.#file = file;
    this.#position = position;
  }

  async line(line: string): Promise<void> {
    this.#text += `${line}\n`;
    if (this.#text.length >= GATHERED_CHARACTERS) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    try {
      await this.#write(bytes);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#position);
      at += bytesWritten;
      if (this.#position !== null) this.#position += bytesWritten;
    }
  }

  async close(): Promise<void> {
    try {
      await this.flush();
      if (this.#position !== null) await this.#file.sync();
    } catch (error) {
      throw writeError(this.#path, error);
    } finally {
      await this.#file.close();
    }
  }
}

function writeError(path: string, error: unknown): unknown {
  if (error instanceof HearsayError || !(error instanceof Error)) return error;
  return new HearsayError(
    `The file ${path} can't be written: ${writeFailure(error)}; run the command again when it can.`,
    { cause: error },
  );
}
