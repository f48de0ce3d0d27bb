/** The way of log lines to stderr, whatever becomes of their reader. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LogDestination } from '../../../src/cli/terminal/logDestination.ts';
import { waitFor } from '../../support/processes.ts';

const destination = suite('log destination');

const failure = (code: string): Error => Object.assign(new Error(code), { code });

/** Takes so many bytes, and then fails so. */
class Reader {
  taken = '';
  room = Number.POSITIVE_INFINITY;
  fails = 'EAGAIN';

  readonly write = (bytes: Uint8Array): number => {
    if (this.room === 0) throw failure(this.fails);
    const count = Math.min(this.room, bytes.length);
    this.room -= count;
    this.taken += Buffer.from(bytes.subarray(0, count)).toString();
    return count;
  };
}

destination('lines go out at once, each whole', () => {
  const reader = new Reader();
  const log = new LogDestination(reader.write, 100);
  log.write('one\n');
  assert.is(reader.taken, 'one\n');
  log.write('zwölf\n');
  assert.is(reader.taken, 'one\nzwölf\n');
  assert.is(log.dropped, 0);
});

destination('a reader without room gets the lines later, in their order', () => {
  const reader = new Reader();
  const log = new LogDestination(reader.write, 100);
  reader.room = 2;
  for (const line of ['one\n', 'two\n', 'three\n']) log.write(line);
  assert.is(reader.taken, 'on');
  reader.room = Number.POSITIVE_INFINITY;
  log.flush();
  assert.is(reader.taken, 'one\ntwo\nthree\n');
  assert.is(log.dropped, 0);
});

destination('it comes by itself, without a further line', async () => {
  const reader = new Reader();
  const log = new LogDestination(reader.write, 100);
  reader.room = 0;
  log.write('one\n');
  reader.room = 10;
  // The timer keeps no process alive: this one does.
  await waitFor(() => reader.taken !== '', 5000, 'the line comes');
  assert.is(reader.taken, 'one\n');
});

destination('beyond the bound, lines are dropped and counted', () => {
  const reader = new Reader();
  const log = new LogDestination(reader.write, 10);
  reader.room = 0;
  for (const line of ['12345\n', 'abc\n', 'lost\n', 'lost\n']) log.write(line);
  assert.is(log.dropped, 2);
  reader.room = Number.POSITIVE_INFINITY;
  log.write('next\n');
  assert.is(reader.taken, '12345\nabc\nnext\n');
  assert.is(log.dropped, 2);
});

destination('a single line may be longer than the bound', () => {
  const reader = new Reader();
  const log = new LogDestination(reader.write, 10);
  log.write(`${'x'.repeat(100)}\n`);
  assert.is(reader.taken.length, 101);
});

for (const code of ['ENOSPC', 'EPIPE', 'EIO'])
  destination(`${code} costs the line, and no later one`, () => {
    const reader = new Reader();
    const log = new LogDestination(reader.write, 100);
    reader.fails = code;
    reader.room = 0;
    log.write('lost\n');
    log.write('lost\n');
    assert.is(log.dropped, 2);
    reader.room = Number.POSITIVE_INFINITY;
    log.write('here\n');
    assert.is(reader.taken, 'here\n');
  });

destination('a line that was cut in the middle ends before the next begins', () => {
  const reader = new Reader();
  const log = new LogDestination(reader.write, 100);
  reader.fails = 'ENOSPC';
  reader.room = 2;
  log.write('lost\n');
  assert.is(log.dropped, 1);
  reader.room = Number.POSITIVE_INFINITY;
  log.write('here\n');
  log.write('there\n');
  assert.is(reader.taken, 'lo\nhere\nthere\n');
});

destination.run();
