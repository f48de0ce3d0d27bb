// Runs in the browser before the page: a clock that a test moves, and three nodes that answer by it. Time goes on only in
// `passTime`, so that a day takes seconds. Every tenth stream ends with its node, which is away for longer than a turn of the test.
(() => {
  const STEP_MS = 5000;
  const STREAM_MS = 30_000;
  const OP_MS = 60_000;
  const AWAY_MS = 300_000;
  const startedMs = Date.UTC(2026, 10, 27);
  let now = startedMs;
  let asked = 0;
  let streams = 0;
  let lastId = 0;
  const timers = new Map();
  const away = new Map();

  const RealDate = Date;
  window.Date = class extends RealDate {
    constructor(...parts) {
      if (parts.length === 0) super(now);
      else super(...parts);
    }
    static now() {
      return now;
    }
  };
  const later = (run, ms, every) => {
    timers.set(++lastId, { run, every, at: now + Math.max(0, ms ?? 0) });
    return lastId;
  };
  window.setTimeout = (run, ms) => later(run, ms, null);
  window.setInterval = (run, ms) => later(run, ms, ms);
  window.clearTimeout = (id) => timers.delete(id);
  window.clearInterval = window.clearTimeout;

  const turns = [];
  const channel = new MessageChannel();
  channel.port1.onmessage = () => turns.shift()?.();
  const turn = () =>
    new Promise((resolve) => {
      turns.push(resolve);
      channel.port2.postMessage(null);
    });
  // Effects wait for a frame, and frames take their time.
  window.requestAnimationFrame = (run) => {
    void turn().then(() => run(now));
    return 0;
  };
  window.cancelAnimationFrame = () => {};

  let pending = 0;
  const settle = async () => {
    for (let quiet = 0; quiet < 4; quiet = pending === 0 ? quiet + 1 : 0) await turn();
  };

  window.passTime = async (ms, stepMs) => {
    for (const end = now + ms; now < end; ) {
      now += stepMs;
      for (const [id, timer] of [...timers]) {
        if (timer.at > now || !timers.has(id)) continue;
        if (timer.every === null) timers.delete(id);
        else timer.at = now + timer.every;
        timer.run();
      }
      await settle();
    }
    return { asked, streams, ops: opsBy(now), timers: timers.size };
  };

  const opsBy = (ms) => Math.floor((ms - startedMs) / OP_MS);
  const NAMES = ['node1', 'node2', 'node3'];
  const originOf = (name) => `${name}.aaaaaa`;
  const urlOf = (name) => `http://${name}.test`;
  const iso = (ms) => new RealDate(ms).toISOString();

  const clusterOf = (name) => ({
    node: name,
    origin: originOf(name),
    cluster: { name: 'hearsay', id: 'day' },
    vector: { 'node1.aaaaaa': opsBy(now) },
    map_sum: { sum: String(opsBy(now)), as_of: iso(now) },
    peers: NAMES.filter((other) => other !== name).map((other) => ({
      node: other,
      origin: originOf(other),
      url: urlOf(other),
      state: 'connected',
      reason: null,
      peer_lacks_ops: opsBy(now) % 3,
      we_lack_ops: 0,
      last_heard_at: iso(now),
      agrees: true,
    })),
    members: NAMES.map((other) => ({
      node: other,
      origin: originOf(other),
      url: urlOf(other),
      last_heard_at: iso(now),
      behind_ops: 0,
      holds_back: other === 'node2',
    })),
  });
  const figuresOf = (name) => {
    const steps = (salt) =>
      Array.from({ length: 180 }, (_, index) => (Math.floor(now / STEP_MS) * salt + index) % 97);
    return {
      node: name,
      version: '1.0.0',
      now: iso(now),
      started_at: iso(startedMs),
      health: { status: 'ok', reasons: [] },
      memory: { process_bytes: now % 1e9, heap_bytes: 1, map_bytes: 1, max_map_bytes: null },
      entries: { live: opsBy(now), dead: 1, cold: 0 },
      disk: { free_bytes: 1e9, database_bytes: 1e6, write_ahead_log_bytes: 1e5 },
      checkpoint: { lag_rows: 1, bytes: 1, failures: 0 },
      damage: { proved: 1, forked: [] },
      stable_at: iso(now),
      peer_lag_ms: {},
      connections: 1,
      rates: {
        step_ms: STEP_MS,
        ends_at: iso(now),
        writes: steps(3),
        reads: steps(5),
        conflicts: steps(7),
        watchers: steps(11),
      },
    };
  };
  // Each node has positions of its own for the same ops.
  const shiftOf = (name) => (NAMES.indexOf(name) + 1) * 1000;
  const rowLine = (name, seq) =>
    `${JSON.stringify({
      lsn: seq + shiftOf(name),
      committed_at: startedMs + seq * OP_MS,
      won: true,
      origin: 'node1.aaaaaa',
      seq,
      hlc: (startedMs + seq * OP_MS) * 1000,
      kind: 'put',
      key: `user/${seq % 1000}`,
      generation: 0,
      version: seq,
      expires_at: null,
      text_bytes: 20,
      hash: 'AAAAAAAAAAA',
    })}\n`;
  const logOf = (name) => ({
    node: name,
    cluster: { name: 'hearsay', id: 'day' },
    origin: originOf(name),
    horizon: 1,
    stable: [],
    stable_clock: 0,
    facts: [],
    records: [],
    first_lsn: 1,
    last_lsn: opsBy(now) + shiftOf(name),
    size_bytes: 1,
    now_ms: now,
  });
  const levelOf = () => ({
    entries: Array.from({ length: 60 }, (_, index) => ({
      key: `user/${(opsBy(now) + index) % 100}`,
      version: 1,
      expires_at: iso(now + 60_000),
    })),
    prefixes: [],
    next: null,
  });

  const streamOf = (name, chunks, signal) => {
    const isFatal = ++streams % 10 === 0;
    const encoder = new TextEncoder();
    const over = new AbortController();
    let timer;
    const end = () => {
      window.clearInterval(timer);
      // A listener of this stream must not stay behind on a signal that lives longer.
      over.abort();
    };
    const body = new ReadableStream({
      start: (controller) => {
        const tell = () => {
          const text = chunks();
          if (text !== '') controller.enqueue(encoder.encode(text));
        };
        tell();
        const endMs = now + STREAM_MS;
        timer = window.setInterval(() => {
          tell();
          if (now < endMs) return;
          end();
          if (isFatal) {
            away.set(name, now + AWAY_MS);
            controller.error(new TypeError('gone'));
          } else controller.close();
        }, STEP_MS);
        const aborted = () => {
          end();
          controller.error(new DOMException('aborted', 'AbortError'));
        };
        signal?.addEventListener('abort', aborted, { signal: over.signal });
      },
      cancel: end,
    });
    return new Response(body);
  };

  const answer = (name, { pathname, searchParams }, signal) => {
    if (pathname === '/_cluster') return Response.json(clusterOf(name));
    if (pathname === '/_figures') return Response.json(figuresOf(name));
    if (pathname === '/_log') return Response.json(logOf(name));
    if (pathname === '/cache') return Response.json(levelOf());
    if (pathname === '/livez') return new Response('ok');
    if (pathname === '/watch')
      return streamOf(
        name,
        () => `event: put\ndata: {"type":"put","key":"user/1","cursor":"c${opsBy(now)}"}\n\n`,
        signal,
      );
    if (pathname === '/_log/rows') {
      let told = Number(searchParams.get('after')) - shiftOf(name);
      return streamOf(
        name,
        () => {
          let text = '';
          for (told = Math.max(0, told); told < opsBy(now); ) text += rowLine(name, ++told);
          return text;
        },
        signal,
      );
    }
    return new Response('{"detail":"Not found"}', { status: 404 });
  };

  window.fetch = async (url, { signal } = {}) => {
    asked++;
    pending++;
    try {
      await turn();
      const target = new URL(url);
      const name = target.hostname.replace('.test', '');
      if ((away.get(name) ?? 0) > now) throw new TypeError('away');
      return answer(name, target, signal);
    } finally {
      pending--;
    }
  };
})();
