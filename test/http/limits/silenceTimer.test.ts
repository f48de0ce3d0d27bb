/** The timer of a connection is set once the connection is silent, and not for each request. */
import { Socket } from 'node:net';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LEAST_NOTED_MS, SilenceTimer } from '../../../src/http/limits/silenceTimer.ts';
import { waitFor } from '../../support/processes.ts';

const timers = suite('silence timer');

/** A connection that notes the calls of its own `setTimeout`. */
class NotingSocket extends Socket {
  readonly calls: number[] = [];

  override setTimeout(timeoutMs: number, callback?: () => void): this {
    this.calls.push(timeoutMs);
    return super.setTimeout(timeoutMs, callback);
  }

  /** The time of Node's timer, in milliseconds; 0 if it is not set. */
  get setMs(): number {
    return this.timeout ?? 0;
  }
}

function timed(): { readonly socket: NotingSocket; readonly timer: SilenceTimer } {
  const socket = new NotingSocket();
  return { socket, timer: new SilenceTimer(socket) };
}

timers('a time is set once a whole interval has passed without another', () => {
  const { socket, timer } = timed();
  socket.setTimeout(LEAST_NOTED_MS);
  timer.look();
  assert.is(socket.setMs, 0);
  timer.look();
  assert.is(socket.setMs, LEAST_NOTED_MS);
  timer.look();
  timer.look();
  assert.equal(socket.calls, [0, LEAST_NOTED_MS]);
});

timers('however many requests come, a busy connection sets no timer', () => {
  const { socket, timer } = timed();
  for (let request = 0; request < 100; request++) {
    socket.setTimeout(30_000);
    socket.setTimeout(66_000);
    timer.look();
  }
  // The one that Node set before is taken away.
  assert.equal(socket.calls, [0]);
});

timers('a timer that is set is taken away when the next time is noted', () => {
  const { socket, timer } = timed();
  socket.setTimeout(66_000);
  timer.look();
  timer.look();
  socket.setTimeout(30_000);
  assert.is(socket.setMs, 0);
  timer.look();
  timer.look();
  assert.is(socket.setMs, 30_000);
});

timers('a time whose quarter is less than two intervals is set at once', () => {
  const { socket, timer } = timed();
  socket.setTimeout(30_000);
  socket.setTimeout(LEAST_NOTED_MS - 1);
  assert.is(socket.setMs, LEAST_NOTED_MS - 1);
  timer.look();
  timer.look();
  assert.is(socket.setMs, LEAST_NOTED_MS - 1);
});

timers('no time takes away one that is noted, and one that is set', () => {
  const { socket, timer } = timed();
  socket.setTimeout(30_000);
  socket.setTimeout(0);
  timer.look();
  timer.look();
  assert.is(socket.setMs, 0);
  socket.setTimeout(1000);
  socket.setTimeout(0);
  assert.is(socket.setMs, 0);
});

timers('a time with a function to call is set at once, and calls it', async () => {
  const { socket } = timed();
  let calls = 0;
  socket.setTimeout(LEAST_NOTED_MS, () => calls++);
  assert.is(socket.setMs, LEAST_NOTED_MS);
  assert.is(socket.listenerCount('timeout'), 1);
  socket.setTimeout(1);
  await waitFor(() => calls === 1, 20_000, 'It is not called');
});

timers('after two looks in a row, the timer is set as Node would have set it', () => {
  const step = fc.oneof(
    fc.constant('look' as const),
    fc.constantFrom(0, 500, LEAST_NOTED_MS - 1, LEAST_NOTED_MS, 66_000),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { socket, timer } = timed();
      let asked = 0;
      for (const one of steps) {
        if (one === 'look') timer.look();
        else {
          socket.setTimeout(one);
          asked = one;
        }
        // Never another time than the one that was asked for last.
        assert.ok(socket.setMs === asked || (socket.setMs === 0 && asked >= LEAST_NOTED_MS));
      }
      timer.look();
      timer.look();
      assert.is(socket.setMs, asked);
      socket.destroy();
    }),
  );
});

timers.run();
