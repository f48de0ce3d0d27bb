/** `npm run worlds -- trace ID`: the lines of one trace, from the logs of all processes, as a tree. */
import { createReadStream, type Dirent, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { z } from 'zod';
import { type TracedLine, traceTree } from '../rules/traceTree.ts';

const LEAST_DIGITS = 8;
/** Told by the line itself, or of no use to a reader. */
const LEFT_OUT = new Set(['level', 'time', 'pid', 'name', 'trace', 'span', 'parent', 'msg']);

const lineSchema = z.looseObject({
  time: z.number(),
  name: z.string(),
  trace: z.string(),
  span: z.string(),
  parent: z.string().optional(),
  msg: z.string().default(''),
});

/** @returns the lines of a trace in all logs below a directory. */
export async function linesOfTrace(directory: string, id: string): Promise<TracedLine[]> {
  const found: TracedLine[] = [];
  for (const file of logsBelow(directory))
    for await (const text of createInterface({ input: createReadStream(file) })) {
      if (!text.includes(`"trace":"${id}`)) continue;
      const line = readLine(text);
      if (line?.trace.startsWith(id)) found.push(line);
    }
  return found;
}

function readLine(text: string): TracedLine | null {
  try {
    const line = lineSchema.parse(JSON.parse(text));
    const rest = Object.entries(line).filter(([member]) => !LEFT_OUT.has(member));
    const detail = rest.map(([member, value]) => ` ${member}=${shown(value)}`).join('');
    return { ...line, detail };
  } catch {
    return null;
  }
}

const errorSchema = z.looseObject({ message: z.string() });

function shown(value: unknown): string {
  const error = errorSchema.safeParse(value);
  return error.success ? error.data.message : JSON.stringify(value);
}

function logsBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry: Dirent) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return logsBelow(path);
    return /\.log(\.1)?$/.test(entry.name) ? path : [];
  });
}

export async function traceCommand(words: readonly string[]): Promise<void> {
  const command = new Command('worlds trace')
    .description('Prints the lines of one trace, from the logs of all processes, as a tree.')
    .argument('<id>', `the header traceresponse of an answer, or ${LEAST_DIGITS} digits or more`)
    .option('--data-dir <directory>', 'directory of all data', 'data/worlds');
  command.parse(words, { from: 'user' });
  const [given = ''] = command.args;
  const { dataDir } = z.object({ dataDir: z.string() }).parse(command.opts());
  const id = /^(?:00-)?([0-9a-f]+)(?:-[0-9a-f]{16}-[0-9a-f]{2})?$/.exec(given)?.[1] ?? '';
  if (id.length < LEAST_DIGITS)
    return command.error(`A trace is ${LEAST_DIGITS} to 32 hexadecimal digits, not ${given}.`);
  const lines = existsSync(dataDir) ? await linesOfTrace(dataDir, id) : [];
  if (lines.length === 0) return command.error(`No log below ${dataDir} has the trace ${id}.`);
  for (const line of traceTree(lines)) process.stdout.write(`${line}\n`);
}
