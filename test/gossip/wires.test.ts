/** The transport of transcripts and scripts keeps the rules of the port. */
import { transportConformance } from '../conformance/transport.ts';
import { turn } from '../support/replicas.ts';
import { Wires } from '../support/wires.ts';

transportConformance('scripted', async (run) => {
  const wires = new Wires();
  await run({
    dialler: wires.attach('http://here'),
    other: wires.attach('http://there'),
    url: 'http://there',
    deadUrl: 'http://nobody',
    until: async (condition) => {
      while (!condition()) {
        if (!wires.next()) throw new Error('nothing is under way, and the condition does not hold');
        await turn();
      }
    },
  });
}).run();
