// time limit: 1800 s
/** Ten thousand times what `hostileBytes.test.ts` sends a few hundred times. */
import { suite } from 'uvu';
import { sendChanged, withHostileClients } from './hostileBytes.ts';

const bytes = suite('bytes of many requests');

bytes('10,000 groups of changed requests are answered as planned, and harm nobody', () =>
  withHostileClients((port) => sendChanged(port, 10_000)),
);

bytes.run();
