/** The transport of transcripts and scripts keeps the rules of the port. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
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

const wires = suite('scripted network');

wires('a text that the script loses does not arrive, and one on a cut connection neither', () => {
  const network = new Wires();
  const [here, there] = [network.attach('http://here'), network.attach('http://there')];
  const told: string[] = [];
  there.listen((event) => told.push(event.kind === 'message' ? event.text : event.kind));
  here.dial('http://there');
  network.next();
  network.onText = ({ text }) => text !== 'lost';
  for (const text of ['lost', 'carried', 'cut off']) here.send(1, text);
  network.next();
  network.next();
  network.cut('http://here');
  while (network.next());
  assert.equal(told, ['opened', 'carried', 'closed']);
});

wires.run();
