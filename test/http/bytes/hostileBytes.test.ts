// time limit: 120 s
/** Bytes that are nearly requests, on one connection and cut anywhere, are answered as planned and harm nobody. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONSTANT_REQUESTS } from './corpus.ts';
import { answersTo, sendChanged, withHostileClients } from './hostileBytes.ts';

const bytes = suite('bytes of requests');

bytes('requests sent ahead, cut at any byte, are answered as if they came whole', () =>
  withHostileClients(async (port) => {
    const requests = [...CONSTANT_REQUESTS];
    // The last of them closes the connection, so that no cut is told by an end.
    const last = requests.pop()?.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n') ?? '';
    const all = Buffer.from([...requests, last].join(''));
    const answers = async (cut: number) =>
      (await answersTo(port, { bytes: all, cut }, false)).toString().replace(/^Date: .*$/gm, '');
    const whole = await answers(0);
    assert.equal(
      [...whole.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
      ['200', '200', '200', '200', '409', '409', '304'],
    );
    const cuts = Array.from({ length: all.length }, (_, cut) => cut);
    while (cuts.length > 0)
      for (const cutAnswers of await Promise.all(cuts.splice(0, 16).map(answers)))
        assert.is(cutAnswers, whole);
  }),
);

bytes('changed requests, sent ahead of their answers, are answered as planned', () =>
  withHostileClients((port) => sendChanged(port, 100)),
);

bytes.run();
