/** A peer that has closed other origins than this node (rule 13). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readDigest } from '../../../src/gossip/protocol/digest.ts';
import { Peer } from '../../../src/gossip/protocol/peer.ts';
import { digestOf, NOW, testCore } from '../../support/cores.ts';

const peers = suite('peers that close other origins');

/** Digests one after another: each shows other closings, none, or leaves it open. @returns whether others are closed. */
function closesOthers(digests: readonly ('others' | 'the same' | 'none' | 'open')[]): boolean {
  const { view } = testCore();
  const peer = new Peer(1, null, NOW);
  const closed = { count: 1, sum: { high: 0, low: 1 } };
  for (const shown of digests) {
    const namesPair = shown === 'others' || shown === 'the same';
    const read = readDigest(view, digestOf(view));
    const digest = namesPair ? { ...read.digest, closed } : read.digest;
    peer.digestCame({ ...read, digest, retiredDiffer: shown !== 'none' }, shown === 'others', NOW);
  }
  return peer.closesOthers;
}

peers('three digests in a row show it', () => {
  assert.not(closesOthers(['others', 'others']));
  assert.ok(closesOthers(['others', 'others', 'others']));
});

peers('one that names the same, or nothing that is retired, begins the row anew', () => {
  for (const between of ['the same', 'none'] as const)
    assert.not(closesOthers(['others', 'others', between, 'others']), between);
});

peers('a list of all names no pair, and leaves the question open', () => {
  assert.ok(closesOthers(['others', 'others', 'open', 'others']));
});

peers('after thirty the pairs are tried again', () => {
  const shown = Array.from({ length: 30 }, () => 'others' as const);
  assert.ok(closesOthers(shown.slice(1)));
  assert.not(closesOthers(shown));
});

peers.run();
