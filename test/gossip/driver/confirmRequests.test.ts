/** Peers are asked to confirm once in each turn, however many clients wait. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfirmRequests } from '../../../src/gossip/driver/confirmRequests.ts';
import { decodeMessage } from '../../../src/gossip/protocol/messages.ts';

const requests = suite('requests to confirm');

requests('writes of one turn are asked for at once, up to the last of them', async () => {
  const sent: unknown[] = [];
  let seq = 0;
  const asking = new ConfirmRequests({
    ownSeq: () => seq,
    sendToPeers: (text) => sent.push(decodeMessage(text)),
  });
  for (seq = 1; seq < 3; seq++) asking.ask();
  assert.equal(sent, []);
  await Promise.resolve();
  assert.equal(sent, [{ type: 'confirm', seq: 3 }]);
  seq = 4;
  asking.ask();
  await Promise.resolve();
  assert.equal(sent.slice(1), [{ type: 'confirm', seq: 4 }]);
});

requests.run();
