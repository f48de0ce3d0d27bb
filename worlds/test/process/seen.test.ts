/** How processes are seen: metrics by the conventions of Prometheus, health, and traces over processes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { waitFor } from '../../../test/support/processes.ts';
import { registerFleetMetrics } from '../../fleet/fleetMetrics.ts';
import { jsonApp, listen } from '../../http/jsonApp.ts';
import { Problem } from '../../http/problem.ts';
import { Metrics } from '../../process/metrics.ts';
import { healthOf, Seen } from '../../process/seen.ts';
import {
  outsideOfSpans,
  presentSpan,
  spanAfter,
  traceHeaders,
  traceparentOf,
} from '../../process/spans.ts';
import { registerWorldMetrics, worldDurations } from '../../world/worldMetrics.ts';
import { complaintsOf, samplesOf } from '../support/exposition.ts';
import { TestPlayer } from '../support/testPlayer.ts';
import { playerId, type Reserved, TestWorld } from '../support/testWorld.ts';

const seen = suite('seen');

function checkWithPromtool(text: string): void {
  const complaints = complaintsOf(text);
  if (complaints === null) console.log('skipped a part: promtool is not installed');
  else assert.is(complaints, '');
}

seen('durations that come often are all there when they are read', async () => {
  const metrics = new Metrics();
  const took = metrics.secondsOften('worlds_often_seconds', 'Often.', [0.01, 0.1]);
  const countOf = async (le: string): Promise<number | undefined> =>
    samplesOf(await metrics.text()).get(`worlds_often_seconds_bucket{le="${le}"}`);
  for (let number = 0; number < 450; number += 1) took(number % 2 === 0 ? 5 : 50);
  assert.is(await countOf('0.01'), 225);
  assert.is(await countOf('0.1'), 450);
  took(500);
  assert.is(await countOf('0.1'), 450);
  assert.is(await countOf('+Inf'), 451);
});

seen(
  'a process counts its requests, its faults and malformed values, and tells its health',
  async () => {
    const own = new Seen('test', 'silent');
    const copies = { config: { staleMs: 0 }, session: { staleMs: 1500 } };
    own.watchCache(
      {
        reader: {},
        writer: {},
        malformed: { counts: new Map([['player', 2]]) },
      } as unknown as Parameters<Seen['watchCache']>[0],
      copies,
    );
    const { routes, around } = own.http(() => healthOf(copies));
    const failing = {
      method: 'GET',
      path: '/fails/:a',
      answer: () => Promise.reject(new Error('x')),
    };
    const refusing = {
      method: 'POST',
      path: '/refuses',
      answer: () => Promise.reject(new Problem(409, 'full', 'It is full.')),
    };
    const app = jsonApp(
      [...routes, failing, refusing] as Parameters<typeof jsonApp>[0],
      own.onFault,
      undefined,
      around,
    );
    await using listener = await listen(app.callback(), '127.0.0.1', 0);
    const get = (path: string, method = 'GET') => fetch(listener.url + path, { method });
    assert.is((await get('/fails/1')).status, 500);
    assert.is((await get('/fails/2')).status, 500);
    assert.is((await get('/refuses', 'POST')).status, 409);
    assert.is((await get('/%2e/nowhere')).status, 404);
    assert.equal(await (await get('/_health')).json(), { status: 'degraded', stale: ['session'] });
    const answer = await get('/metrics');
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=/);
    const text = await answer.text();
    checkWithPromtool(text);
    const samples = samplesOf(text);
    const requests = (route: string, method: string, status: number) =>
      samples.get(
        `worlds_http_requests_total{route="${route}",method="${method}",status="${status}"}`,
      );
    assert.is(requests('/fails/:a', 'GET', 500), 2);
    assert.is(requests('/refuses', 'POST', 409), 1);
    assert.is(requests('none', 'GET', 404), 1, 'hostile paths make no label');
    assert.is(samples.get('worlds_faults_total'), 2);
    assert.is(samples.get('worlds_malformed_total{table="player"}'), 2);
    assert.is(samples.get('worlds_cache_stale_seconds{table="session"}'), 1.5);
  },
);

seen('a span continues the trace of the one who asks, and malformed ones begin anew', () => {
  const first = spanAfter('');
  const second = spanAfter(traceparentOf(first));
  assert.is(second.trace, first.trace);
  assert.is(second.parent, first.span);
  assert.is.not(second.span, first.span);
  const trace = 'a'.repeat(32);
  for (const wrong of [
    ...['x', `00-${trace}-${'b'.repeat(15)}-01`, `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`],
    ...[`00-${trace}-${'0'.repeat(16)}-01`, `00-${trace.toUpperCase()}-${'b'.repeat(16)}-01`],
  ])
    assert.is(spanAfter(wrong).parent, undefined, wrong);
});

seen('a request has its span in all that it awaits, and passes it on', async () => {
  const own = new Seen('test', 'silent');
  const { around } = own.http(() => ({ status: 'ok' }));
  const inside = jsonApp(
    [
      {
        method: 'GET',
        path: '/',
        answer: async () => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          const isOutside = outsideOfSpans(presentSpan) === undefined;
          return { status: 200, body: { ...presentSpan(), isOutside } };
        },
      },
    ],
    own.onFault,
    undefined,
    around,
  );
  await using far = await listen(inside.callback(), '127.0.0.1', 0);
  const asking = jsonApp(
    [
      {
        method: 'GET',
        path: '/',
        answer: async () => {
          const answer = await fetch(far.url, { headers: traceHeaders() });
          return { status: 200, body: { near: presentSpan(), far: await answer.json() } };
        },
      },
    ],
    own.onFault,
    undefined,
    around,
  );
  await using near = await listen(asking.callback(), '127.0.0.1', 0);
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const answer = await fetch(near.url, { headers: { traceparent } });
  const body = (await answer.json()) as Record<'near' | 'far', Record<string, string>>;
  assert.is(body.near.trace, 'a'.repeat(32));
  assert.is(body.near.parent, 'b'.repeat(16));
  assert.is(body.far.trace, body.near.trace);
  assert.is(body.far.parent, body.near.span);
  assert.is(String(body.far.isOutside), 'true');
  assert.is(answer.headers.get('traceresponse'), `00-${body.near.trace}-${body.near.span}-01`);
});

seen('an instance tells its seats, its refusals, its saves, its ticks and its bytes', async () => {
  const metrics = new Metrics();
  const { onTick } = worldDurations(metrics);
  await using world = await TestWorld.start({ maxPlayers: 2, onTick });
  registerWorldMetrics(metrics, {
    name: { region: 'eu', world: 'meadow', slot: 1, epoch: 1 },
    instance: world.instance,
    saves: () => ({ stored: 3 }),
    connections: () => 1,
    refusedConnections: () => 0,
  });
  using playing = await world.play(playerId(1));
  await world.reserve(playerId(2));
  await world.reserve(playerId(2));
  assert.is((await world.reserve(playerId(3))).status, 409);
  using stranger = new TestPlayer(world.playUrl, 'x'.repeat(43));
  assert.is(await stranger.closed(), 4401);
  playing.walk(1, 0);
  let samples = new Map<string, number>();
  await waitFor(
    async () => {
      samples = samplesOf(await metrics.text());
      return (samples.get('worlds_sent_bytes_total') ?? 0) > 0;
    },
    5000,
    'frames are counted',
  );
  checkWithPromtool(await metrics.text());
  assert.is(samples.get('worlds_seats{state="seated"}'), 1);
  assert.is(samples.get('worlds_seats{state="reserved"}'), 1);
  assert.is(samples.get('worlds_reservations_total{result="new"}'), 2);
  assert.is(samples.get('worlds_reservations_total{result="same"}'), 1);
  assert.is(samples.get('worlds_reservations_total{result="full"}'), 1);
  assert.is(samples.get('worlds_closed_total{reason="token"}'), 1);
  assert.is(samples.get('worlds_saves_total{result="stored"}'), 3);
  assert.ok((samples.get('worlds_tick_late_seconds_count') ?? 0) > 0);
});

seen(
  'a process that measures its own lateness tells none of an event loop that nobody watches',
  async () => {
    const [watched, own] = await Promise.all(
      [new Metrics(), new Metrics({ watchesEventLoop: false })].map(async (metrics) =>
        samplesOf(await metrics.text()),
      ),
    );
    const lags = (samples: Map<string, number> | undefined): string[] =>
      [...(samples?.keys() ?? [])].filter((name) => name.startsWith('nodejs_eventloop_lag_'));
    assert.is(lags(watched).length, 8);
    // This one is measured when it is asked for.
    assert.equal(lags(own), ['nodejs_eventloop_lag_seconds']);
  },
);

seen('a player who connects belongs to the trace of the join', async () => {
  const events: string[] = [];
  await using world = await TestWorld.start({
    onPlayer: (event, player) => events.push(`${event} ${player} ${presentSpan()?.trace}`),
    isSeen: true,
  });
  const trace = 'c'.repeat(32);
  const signer = await world.signer('api');
  const answer = await fetch(`${world.controlUrl}/seats`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${await signer.tokenFor(world.name)}`,
      traceparent: `00-${trace}-${'d'.repeat(16)}-01`,
    },
    body: JSON.stringify({ player: playerId(1), session: 's', fence: 1, previous: null }),
  });
  const { playUrl, seatToken } = (await answer.json()) as Reserved;
  using playing = await new TestPlayer(playUrl, seatToken).settled();
  assert.ok(playing.welcome);
  assert.equal(events, [`connects ${playerId(1)} ${trace}`]);
  using resumed = await new TestPlayer(playUrl, playing.welcome.resume, 'resume').settled();
  assert.ok(resumed.welcome);
  assert.is(events.at(-1), `connects ${playerId(1)} undefined`, 'a resume is no part of the join');
});

seen('a fleet tells its slots by state, its steps, and its connections', async () => {
  const metrics = new Metrics();
  const view = { world: 'meadow', wanted: 'running', configurationVersion: 1, startedAtMs: 0 };
  const slot = (number: number, state: 'running' | 'starting') => ({
    ...view,
    slot: number,
    state,
    taken: 0,
    emptySinceMs: null,
  });
  registerFleetMetrics(metrics, {
    fleet: {
      views: () => [slot(1, 'running'), slot(2, 'starting'), slot(3, 'running')] as never,
      steps: { started: 4, killed: 1 },
    },
    links: { open: 2, refused: 5 },
    audit: { lines: 9 },
    maxProcesses: 32,
  });
  const text = await metrics.text();
  checkWithPromtool(text);
  const samples = samplesOf(text);
  assert.is(samples.get('worlds_instances{state="running"}'), 2);
  assert.is(samples.get('worlds_instances{state="ended"}'), 0);
  assert.is(samples.get('worlds_instance_steps_total{step="started"}'), 4);
  assert.is(samples.get('worlds_links_refused_total'), 5);
});

seen.run();
