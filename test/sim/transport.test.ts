/** In calm weather the simulator's transport keeps the rules of the port. */
import { Timeline } from '../../sim/clock.ts';
import { Dice } from '../../sim/dice.ts';
import { Network } from '../../sim/network.ts';
import { Trace } from '../../sim/trace.ts';
import { transportConformance } from '../conformance/transport.ts';
import { turn } from '../support/replicas.ts';

transportConformance('simulated', async (run) => {
  const timeline = new Timeline();
  const network = new Network(timeline, new Dice(1, 'network'), new Trace(), {
    delayMs: [1, 20],
    loss: 0.5,
    reordering: 0.5,
    duplication: 0.5,
    lateness: 0.5,
    lateMs: [1000, 5000],
    dialFailures: 0.5,
    dialTimeoutMs: 100,
    idleMs: [1000, 2000],
  });
  await run({
    dialler: network.attach('n1', 'http://n1'),
    other: network.attach('n2', 'http://n2'),
    url: 'http://n2',
    deadUrl: 'http://n3',
    until: async (condition) => {
      while (!condition()) {
        const event = timeline.next();
        if (event === undefined)
          throw new Error('nothing is planned, and the condition does not hold');
        event.run();
        await turn();
      }
    },
  });
}).run();
