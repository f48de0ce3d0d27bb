/** Output for a terminal, and for any other reader. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LineOutput, note, outputColumns, printLine } from '../../../src/cli/terminal/output.ts';

const output = suite('output');

type Stream = typeof process.stdout | typeof process.stderr;

/** Runs with both streams as such a terminal, or as none, and collects what is written. */
async function writtenTo(
  isTerminal: boolean,
  run: () => void | Promise<void>,
  columns?: number,
): Promise<string> {
  let written = '';
  const undo = ([process.stdout, process.stderr] as Stream[]).flatMap((stream) => [
    replaced(stream, 'isTTY', isTerminal),
    replaced(stream, 'columns', columns),
    replaced(stream, 'write', (text: string) => {
      written += text;
      return true;
    }),
  ]);
  try {
    await run();
  } finally {
    for (const back of undo) back();
  }
  return written;
}

function replaced(stream: Stream, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(stream, name);
  Object.defineProperty(stream, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(stream, name);
    else Object.defineProperty(stream, name, before);
  };
}

/** Of each kind of control one, and what turns the order of letters round. */
const HOSTILE = 'a\u001b[2J\u0007\u007f\u009b31m\u202e\u2066\u200f\u2028\u2029\u0000\rb';
const SHOWN =
  'a\\u001b[2J\\u0007\\u007f\\u009b31m\\u202e\\u2066\\u200f\\u2028\\u2029\\u0000\\u000db';

output('a terminal is sent no controls, of values, of JSON and of messages alike', async () => {
  const lines = new LineOutput();
  const written = await writtenTo(true, async () => {
    await printLine(HOSTILE);
    note(HOSTILE);
    await lines.line(HOSTILE);
    await lines.flush();
  });
  assert.is(written, `${SHOWN}\n`.repeat(3));
});

output('JSON means the same after it', async () => {
  const value = { key: HOSTILE };
  const written = await writtenTo(true, () => printLine(JSON.stringify(value)));
  assert.equal(JSON.parse(written), value);
});

output('lines and tabs of a value stay', async () => {
  assert.is(await writtenTo(true, () => printLine('a\n\tb')), 'a\n\tb\n');
});

output('who is no terminal gets every character as it is', async () => {
  const written = await writtenTo(false, async () => {
    await printLine(HOSTILE);
    note(HOSTILE);
  });
  assert.is(written, `${HOSTILE}\n`.repeat(2));
});

for (const [what, isTerminal, columns, asked, expected] of [
  ['a terminal has its columns', true, 40, undefined, 40],
  ['a terminal that reports none has 80', true, 0, undefined, 80],
  ['or as many as COLUMNS says', true, 0, '60', 60],
  ['elsewhere there is no width', false, undefined, undefined, null],
  ['but for COLUMNS', false, undefined, '60', 60],
  ['which must be a number', false, undefined, 'wide', null],
] as const)
  output(what, async () => {
    const before = process.env.COLUMNS;
    if (asked === undefined) delete process.env.COLUMNS;
    else process.env.COLUMNS = asked;
    let found: number | null = -1;
    try {
      await writtenTo(
        isTerminal,
        () => {
          found = outputColumns();
        },
        columns,
      );
    } finally {
      if (before === undefined) delete process.env.COLUMNS;
      else process.env.COLUMNS = before;
    }
    assert.is(found, expected);
  });

output.run();
