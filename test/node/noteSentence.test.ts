/** Lines of a node's log are sentences, wherever they were written. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noteSentence } from '../../src/node/noteSentence.ts';
import type { NoteFacts } from '../../src/words/note.ts';
import { guardedNode } from '../http/access/guardedNode.ts';
import { waitFor } from '../support/processes.ts';

const sentences = suite('sentences of the log');

const CASES: readonly (readonly [text: string, facts: Partial<NoteFacts>, sentence: string])[] = [
  ['this node rejoins: it was retired', {}, 'This node rejoins: it was retired.'],
  ['node2 (node2.aaa) joins', { peer: 'node2' }, 'node2 (node2.aaa) joins.'],
  ['node2.aaa is retired', { origin: 'node2.aaa' }, 'node2.aaa is retired.'],
  ['http://a is refused', { url: 'http://a' }, 'http://a is refused.'],
  ['fe80::1 is refused', { address: 'fe80::1' }, 'fe80::1 is refused.'],
  ['The disk is full.', {}, 'The disk is full.'],
  ['the log is read …', {}, 'The log is read …'],
];

for (const [text, facts, sentence] of CASES) {
  sentences(text, () => {
    assert.is(noteSentence(text, { event: 'told', ...facts }), sentence);
  });
}

sentences('a node that forms a cluster says so in a sentence', async () => {
  await using server = await guardedNode(null);
  const formed = /^This node formed the cluster [0-9a-f]+\.$/;
  const isTold = (): boolean => server.lines.some((line) => formed.test(line));
  await waitFor(isTold, 20_000, `one of ${server.lines.join('\n')}`);
});

sentences.run();
