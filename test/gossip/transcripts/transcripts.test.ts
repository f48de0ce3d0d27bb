/**
 * Transcripts of the protocol, one story a file: each is told again by real nodes and compared with its
 * file. `WRITE_TRANSCRIPTS=1 npm test -- transcripts` writes the files anew; read the diff.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compactor } from '../../../src/replica/compact.ts';
import { deleting, putting } from '../../support/replicas.ts';
import { type Player, Stage } from './stage.ts';

const isWriting = process.env.WRITE_TRANSCRIPTS === '1';
const transcripts = suite('transcripts of the protocol');

/** Two nodes that have formed a cluster, which is the story of the greeting. */
const twoNodes = (stage: Stage): Promise<[Player, Player]> =>
  stage.quietly(async () => {
    const first = await stage.start('node1');
    await stage.pass(200);
    const second = await stage.start('node2');
    await stage.pass(200);
    return [first, second];
  });

const isPush = (text: string): boolean =>
  text.startsWith('{"type":"delta"') && !text.includes('"answer"');

const STORIES: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  greeting: async (stage) => {
    stage.say('A fresh node whose configured peers are all itself forms the cluster.');
    await stage.start('node1');
    await stage.pass(200);
    stage.say('A second node asks it with an empty digest: node1 logs its join, then answers.');
    await stage.start('node2');
    await stage.pass(200);
  },

  'push with a gap': async (stage) => {
    const [first] = await twoNodes(stage);
    stage.say('Of two members, node1 stores a: the op is pushed at once.');
    await first.write(putting('a'));
    stage.say('node1 stores b, and the network loses the push.');
    stage.lose(isPush);
    await first.write(putting('b'));
    stage.lose(() => false);
    stage.say('node1 stores c: the push leaves a gap, so node2 asks by its digest.');
    await first.write(putting('c'));
  },

  pull: async (stage) => {
    const [first, second] = await twoNodes(stage);
    stage.say(
      'The network between two members is cut; node1 stores a and deletes b, node2 stores c.',
    );
    stage.cut(second);
    await stage.settle();
    // Nothing of this is seen by the other.
    await first.write(putting('a'), deleting('b'));
    await second.write(putting('c'));
    stage.say('The network is whole again: they connect, and one exchange serves both sides.');
    stage.mend(second);
    await stage.pass(3000);
  },

  fork: async (stage) => {
    const [, second] = await twoNodes(stage);
    stage.say('Of two members, node2 stores a, and its database is copied.');
    await second.write(putting('a'));
    const copy = second.copyLog();
    stage.say('node2 stores b, and ends.');
    await second.write(putting('b'));
    await stage.stop(second);
    stage.say('Cut off from node1, it is started on the copy, and stores c under the op id of b.');
    stage.cut(second);
    const back = await stage.start('node2', copy);
    await stage.pass(11_000);
    await back.write(putting('c'));
    stage.say('They meet: the sums differ, and node2 goes on under a new origin.');
    stage.mend(second);
    await stage.pass(5000);
  },

  snapshot: async (stage) => {
    const first = await stage.quietly(() => stage.start('node1'));
    stage.say(
      'A node alone stores a twice and b once, deletes b, and forgets it; then it stores c.',
    );
    await stage.pass(200);
    await first.write(putting('a'), putting('a', { version: 2 }), putting('b'), deleting('b'));
    await stage.pass(20_000);
    await new Compactor(first.replica, 0).run();
    await first.write(putting('c'));
    stage.say(
      'A second node joins: it gets a snapshot, since no delta tells what was compacted away.',
    );
    await stage.start('node2');
    await stage.pass(200);
  },

  rejoin: async (stage) => {
    const [first, second] = await twoNodes(stage);
    stage.say('Of two members, node2 is cut off, stores a, and is retired by node1.');
    stage.cut(second);
    await second.write(putting('a'));
    await first.replica.membership.retire(second.replica.origin);
    stage.say('They meet: node2 starts anew under another origin, joins, and offers a again.');
    stage.mend(second);
    await stage.pass(6000);
  },
};

for (const [name, tell] of Object.entries(STORIES))
  transcripts(`the story of a ${name} is the one in its file`, async () => {
    const stage = new Stage(`The protocol between nodes: ${name}`);
    await tell(stage);
    const file = new URL(`./${name.replaceAll(' ', '-')}.txt`, import.meta.url);
    if (isWriting) await writeFile(file, stage.text);
    assert.is(stage.text, await readFile(file, 'utf8'));
  });

transcripts.run();
