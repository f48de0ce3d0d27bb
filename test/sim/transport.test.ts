/** In calm weather the simulator's transport keeps the rules of the port. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Timeline } from '../../sim/clock.ts';
import { Dice } from '../../sim/dice.ts';
import { Network } from '../../sim/network.ts';
import { Trace } from '../../sim/trace.ts';
import { transportConformance } from '../conformance/transport.ts';
import { turn } from '../support/replicas.ts';

const networkOn = (timeline: Timeline, truncation = 0, seed = 1): Network =>
  new Network(timeline, new Dice(seed, 'network'), new Trace(), {
    delayMs: [1, 20],
    loss: 0.5,
    reordering: 0.5,
    duplication: 0.5,
    lateness: 0.5,
    lateMs: [1000, 5000],
    truncation,
    dialFailures: 0,
    dialTimeoutMs: 100,
    idleMs: [1000, 2000],
  });

transportConformance('simulated', async (run) => {
  const timeline = new Timeline();
  const network = networkOn(timeline);
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

const storm = suite('simulated network');

storm('in a storm texts are lost and doubled, and each hello comes once and in order', () => {
  const timeline = new Timeline();
  const network = networkOn(timeline);
  const [here, there] = [network.attach('n1', 'http://n1'), network.attach('n2', 'http://n2')];
  const texts: string[] = [];
  there.listen((event) => event.kind === 'message' && texts.push(event.text));
  here.dial('http://n2');
  const run = (): void => {
    for (let event = timeline.next(); event !== undefined; event = timeline.next()) event.run();
  };
  run();
  network.storm();
  for (let count = 0; count < 100; count++) {
    here.send(1, `{"type":"hello","n":${count}}`);
    here.send(1, `{"type":"later","n":${count}}`);
  }
  run();
  const hellos = texts.filter((text) => text.includes('hello'));
  assert.equal(
    hellos,
    Array.from({ length: 100 }, (_unused, count) => `{"type":"hello","n":${count}}`),
  );
  const others = texts.filter((text) => text.includes('later'));
  assert.ok(new Set(others).size < 90 && others.length > new Set(others).size);
});

storm('what is under way when a cut ends does not overtake a hello that the cut has held', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const timeline = new Timeline();
    const network = networkOn(timeline, 0, seed);
    const [here, there] = [network.attach('n1', 'http://n1'), network.attach('n2', 'http://n2')];
    const texts: string[] = [];
    there.listen((event) => event.kind === 'message' && texts.push(event.text));
    here.dial('http://n2');
    const run = (): void => {
      for (let event = timeline.next(); event !== undefined; event = timeline.next()) event.run();
    };
    run();
    network.cut('n1', 'n2');
    here.send(1, '{"type":"hello"}');
    timeline.plan(30, '', 'a text is sent', () => here.send(1, '{"type":"later"}'));
    timeline.plan(31, '', 'the cut ends', () => network.mend('n1', 'n2'));
    run();
    assert.equal(texts, ['{"type":"hello"}', '{"type":"later"}']);
  }
});

storm('a text that is cut off comes as a beginning of itself, and none is in calm weather', () => {
  const timeline = new Timeline();
  const network = networkOn(timeline, 1);
  const [here, there] = [network.attach('n1', 'http://n1'), network.attach('n2', 'http://n2')];
  const texts: string[] = [];
  there.listen((event) => event.kind === 'message' && texts.push(event.text));
  here.dial('http://n2');
  const run = (): void => {
    for (let event = timeline.next(); event !== undefined; event = timeline.next()) event.run();
  };
  run();
  const whole = '{"type":"hello"}';
  here.send(1, whole);
  run();
  assert.equal(texts, [whole]);
  network.storm();
  for (let count = 0; count < 20; count++) here.send(1, whole);
  run();
  const parts = texts.slice(1);
  assert.is(parts.length, 20);
  assert.ok(parts.every((part) => whole.startsWith(part) && part !== whole));
  assert.is(network.counts.truncated, 20);
});

storm.run();
