/** Each check finds its violation in a history that was made wrong on purpose, and none in the right one. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkConvergence } from '../../chaos/checks/convergence.ts';
import { checkExactKeys } from '../../chaos/checks/exactKeys.ts';
import { checkLogs } from '../../chaos/checks/logs.ts';
import { checkOnceKeys } from '../../chaos/checks/onceKeys.ts';
import { checkRaceKeys } from '../../chaos/checks/raceKeys.ts';
import { checkWatching } from '../../chaos/checks/watching.ts';
import type { Evidence, Incident, Violation } from '../../chaos/history/evidence.ts';
import {
  callOf,
  everywhere,
  evidenceOf,
  NODES,
  opOf,
  shown,
  tokenOf,
  watchedOf,
} from './evidence.ts';

const checks = suite('chaos checks');

const namesOf = (violations: readonly Violation[]): string[] =>
  violations.map(({ check }) => check);
const LOST = { node: 0, kind: 'lost', life: 1, atMs: 500 } as const;
const RETIRED = { node: 0, kind: 'retired', life: 1, atMs: 500 } as const;

checks('convergence: a key that one node shows otherwise is told', () => {
  const same = everywhere({ a: shown('x', 1) });
  assert.equal(checkConvergence(evidenceOf({ maps: same })), []);
  const [first, second] = same;
  const maps = [first!, second!, new Map([['a', shown('y', 1)]])];
  assert.equal(namesOf(checkConvergence(evidenceOf({ maps }))), ['convergence']);
  const without = [first!, second!, new Map()];
  assert.equal(namesOf(checkConvergence(evidenceOf({ maps: without }))), ['convergence']);
});

const exactPut = (value: string, version: number, startMs: number, answer = {}) =>
  callOf({
    request: { method: 'PUT', key: 'exact/node1/1/0', value, version },
    answer: { status: 200, version, ...answer },
    startMs,
  });
const exactGet = (startMs: number, answer: object) =>
  callOf({ request: { method: 'GET', key: 'exact/node1/1/0' }, answer, startMs });
const exactEnd = (value: string, version: number) =>
  everywhere({ 'exact/node1/1/0': shown(value, version) });

checks('decisions: a 200 where the version had to conflict is told', () => {
  const calls = [exactPut('a', 3, 0), exactPut('b', 2, 100)];
  assert.equal(namesOf(checkExactKeys(evidenceOf({ calls }))), ['decisions']);
});

checks('decisions: a 409 with a wrong current version, or where 200 was due, is told', () => {
  const conflict = { status: 409, version: null, currentVersion: 3 };
  const right = [exactPut('a', 3, 0), exactPut('b', 2, 100, conflict)];
  assert.equal(checkExactKeys(evidenceOf({ calls: right, maps: exactEnd('a', 3) })), []);
  const calls = [exactPut('a', 3, 0), exactPut('b', 2, 100, { ...conflict, currentVersion: 4 })];
  assert.equal(namesOf(checkExactKeys(evidenceOf({ calls }))), ['decisions']);
  const undue = [exactPut('a', 3, 0), exactPut('b', 4, 100, conflict)];
  assert.equal(namesOf(checkExactKeys(evidenceOf({ calls: undue }))), ['decisions']);
});

checks('decisions: a 412 is due exactly where the condition does not hold', () => {
  const conditional = (condition: 'absent' | 'live', answer: object) =>
    callOf({
      request: { method: 'PUT', key: 'exact/node1/1/0', value: 'b', version: 9, condition },
      answer,
      startMs: 100,
    });
  const failed = { status: 412, currentVersion: 3 };
  const stored = { status: 200, version: 9 };
  const verdict = (...calls: Evidence['calls']) =>
    namesOf(checkExactKeys(evidenceOf({ calls, maps: exactEnd('b', 9) })));
  assert.equal(verdict(exactPut('a', 3, 0), conditional('live', stored)), []);
  assert.equal(verdict(exactPut('a', 3, 0), conditional('absent', stored)), ['decisions']);
  assert.equal(verdict(exactPut('a', 3, 0), conditional('live', failed)), ['decisions']);
  assert.equal(verdict(conditional('live', stored)), ['decisions']);
});

checks('survival: a key of one writer that reads an older state is told', () => {
  const calls = [exactPut('a', 1, 0), exactPut('b', 2, 100)];
  const verdict = (answer: object) =>
    namesOf(
      checkExactKeys(
        evidenceOf({ calls: [...calls, exactGet(200, answer)], maps: exactEnd('b', 2) }),
      ),
    );
  assert.equal(verdict({ status: 200, value: 'b', version: 2 }), []);
  assert.equal(verdict({ status: 200, value: 'a', version: 1 }), ['survival']);
  assert.equal(verdict({ status: 404 }), ['survival']);
});

checks('survival: an answered write of one writer that is gone at the end is told', () => {
  const calls = [exactPut('a', 1, 0), exactPut('b', 2, 100)];
  assert.equal(namesOf(checkExactKeys(evidenceOf({ calls }))), ['survival']);
  const older = evidenceOf({ calls, maps: exactEnd('a', 1) });
  assert.equal(namesOf(checkExactKeys(older)), ['survival']);
  assert.equal(namesOf(checkExactKeys({ ...older, incidents: [RETIRED] })), ['survival']);
  assert.equal(checkExactKeys({ ...older, incidents: [LOST] }), []);
});

checks('survival: a write without an answer may show, or not', () => {
  const calls = [exactPut('a', 1, 0), exactPut('b', 2, 100, { status: null, version: null })];
  assert.equal(checkExactKeys(evidenceOf({ calls, maps: exactEnd('a', 1) })), []);
  assert.equal(checkExactKeys(evidenceOf({ calls, maps: exactEnd('b', 2) })), []);
  assert.equal(namesOf(checkExactKeys(evidenceOf({ calls }))), ['survival']);
});

checks('resurrection: a key of one writer that is back after its delete or expiry is told', () => {
  const remove = callOf({
    request: { method: 'DELETE', key: 'exact/node1/1/0' },
    answer: { status: 200 },
    startMs: 100,
  });
  const maps = exactEnd('a', 1);
  const calls = [exactPut('a', 1, 0), remove];
  assert.equal(checkExactKeys(evidenceOf({ calls })), []);
  assert.equal(namesOf(checkExactKeys(evidenceOf({ calls, maps }))), ['resurrection']);
  const expiring = [exactPut('a', 1, 0, { expiresAt: 1_000 })];
  assert.equal(checkExactKeys(evidenceOf({ calls: expiring })), []);
  assert.equal(namesOf(checkExactKeys(evidenceOf({ calls: expiring, maps }))), ['resurrection']);
});

const racePut = (value: string, version: number, startMs: number, others: object = {}) =>
  callOf({
    request: { method: 'PUT', key: 'race/1', value, version },
    answer: { status: 200, version },
    startMs,
    ...others,
  });

checks('survival: of racing PUTs the greatest version shows at the end', () => {
  const calls = [
    racePut('a', 1, 0),
    racePut('b', 2, 100, {
      request: { key: 'race/1', node: 1, method: 'PUT', value: 'b', version: 2 },
    }),
  ];
  const verdict = (maps: Evidence['maps']) => namesOf(checkRaceKeys(evidenceOf({ calls, maps })));
  assert.equal(verdict(everywhere({ 'race/1': shown('b', 2) })), []);
  assert.equal(verdict(everywhere({ 'race/1': shown('a', 1) })), ['survival']);
  assert.equal(verdict(everywhere({ 'race/1': shown('a', 2) })), ['survival']);
  assert.equal(verdict(everywhere({ 'race/1': shown('z', 2) })), ['survival']);
  assert.equal(verdict(everywhere({})), ['survival']);
});

checks(
  'survival: a write may be missing only where its disk was lost, and no other node had it',
  () => {
    const calls = [racePut('a', 1, 0)];
    assert.equal(checkRaceKeys(evidenceOf({ calls, incidents: [LOST] })), []);
    const acknowledged = [racePut('a', 1, 0, { answer: { status: 200, version: 1, acks: 2 } })];
    const lost = evidenceOf({ calls: acknowledged, incidents: [LOST] });
    assert.equal(namesOf(checkRaceKeys(lost)), ['survival']);
  },
);

checks('decisions: a node takes no version below one that it has shown', () => {
  const maps = everywhere({ 'race/1': shown('a', 5) });
  const calls = [racePut('a', 5, 0), racePut('b', 4, 100)];
  assert.equal(namesOf(checkRaceKeys(evidenceOf({ calls, maps }))), ['decisions']);
  const elsewhere = [
    racePut('a', 5, 0),
    racePut('b', 4, 100, {
      request: { method: 'PUT', key: 'race/1', value: 'b', version: 4, node: 1 },
    }),
  ];
  assert.equal(checkRaceKeys(evidenceOf({ calls: elsewhere, maps })), []);
  const inGenerations = (a: number, b: number): string[] => {
    const ops = [
      opOf({ key: 'race/1', generation: a, version: 5, seq: 1, value: 'a' }),
      opOf({ key: 'race/1', generation: b, version: 4, seq: 2, value: 'b' }),
    ];
    const logs = [{ node: 0, damage: null, ops }];
    const shownLast = everywhere({ 'race/1': b > a ? shown('b', 4) : shown('a', 5) });
    return namesOf(checkRaceKeys(evidenceOf({ calls, maps: shownLast, logs })));
  };
  assert.equal(inGenerations(1, 2), [], 'a lower version of a greater generation wins');
  assert.equal(inGenerations(2, 1), ['decisions'], 'and none of a lower generation');
  const refusal = racePut('b', 4, 100, { answer: { status: 409, currentVersion: 4 } });
  const elsewhereIn = { method: 'PUT', key: 'race/1', value: 'c', version: 4, node: 1 } as const;
  const refused = [racePut('a', 5, 0), refusal, racePut('c', 4, 50, { request: elsewhereIn })];
  const left = (
    generation: number,
    isCompacted: boolean,
    incidents: readonly Incident[] = [],
  ): string[] => {
    const ops = [opOf({ key: 'race/1', generation, version: 4, value: 'c' })];
    const logs = [{ node: 0, damage: null, ops }];
    const shownLast = everywhere({ 'race/1': shown('c', 4) });
    const end = { maps: shownLast, logs, isCompacted, incidents };
    return namesOf(checkRaceKeys(evidenceOf({ calls: refused, ...end })));
  };
  const restart = [{ node: 3, kind: 'retired', life: 1, atMs: 50 }] as const;
  assert.equal(left(1, false, restart), [], 'a log may have begun with a snapshot');
  assert.ok(left(0, false, restart).includes('decisions'), 'which keeps the greatest one');
  assert.equal(left(1, true), [], 'compaction may have removed a lower generation');
  assert.ok(left(1, false).includes('decisions'), 'a whole log has all generations');
  assert.ok(left(0, true).includes('decisions'), 'no generation is lower than the first');
  const invented = [
    racePut('a', 5, 0),
    racePut('b', 4, 100, { answer: { status: 409, currentVersion: 7 } }),
  ];
  assert.equal(namesOf(checkRaceKeys(evidenceOf({ calls: invented, maps }))), ['decisions']);
});

const PUT_TOKEN = tokenOf('node1.aaaaaa', 1);
const DELETE_TOKEN = tokenOf('node2.bbbbbb', 1);
const oncePut = (wish: object = {}) =>
  callOf({
    request: { method: 'PUT', key: 'once/1', value: 'a', version: 1, ...wish },
    answer: { status: 200, version: 1, token: PUT_TOKEN },
  });
const onceGet = (after: string | null, answer: object, startMs = 100, node = 1) =>
  callOf({ request: { method: 'GET', key: 'once/1', node, after }, answer, startMs });
const onceDelete = callOf({
  request: { method: 'DELETE', key: 'once/1', node: 1, after: PUT_TOKEN },
  answer: { status: 200, token: DELETE_TOKEN },
  startMs: 200,
});
const kept = everywhere({ 'once/1': shown('a', 1) });

checks('tokens: a read by the token of a write that misses the write is told', () => {
  const verdict = (...calls: Evidence['calls']) =>
    namesOf(
      checkOnceKeys(
        evidenceOf({ calls, maps: calls.includes(onceDelete) ? everywhere({}) : kept }),
      ),
    );
  assert.equal(verdict(oncePut(), onceGet(PUT_TOKEN, { status: 200, value: 'a' })), []);
  assert.equal(verdict(oncePut(), onceGet(PUT_TOKEN, { status: 504 })), []);
  assert.equal(verdict(oncePut(), onceGet(PUT_TOKEN, { status: 404 })), ['tokens']);
  assert.equal(verdict(oncePut(), onceGet(PUT_TOKEN, { status: 200, value: 'z' })), ['tokens']);
  const short = oncePut({ ttlMs: 5000 });
  const readAbsent = onceGet(PUT_TOKEN, { status: 404 });
  const clocks = (node: number, offsetMs: number) =>
    namesOf(
      checkOnceKeys(
        evidenceOf({
          calls: [short, readAbsent],
          maps: kept,
          wrongClocks: [{ node, offsetMs, fromMs: 0, toMs: 1000 }],
        }),
      ),
    );
  assert.equal(clocks(1, 18_000), [], 'by the clock of the node that was asked it has expired');
  assert.equal(clocks(1, -18_000), ['tokens']);
  assert.equal(clocks(2, 18_000), ['tokens']);
  const back = onceGet(DELETE_TOKEN, { status: 200, value: 'a' }, 300);
  assert.equal(verdict(oncePut(), onceDelete, back), ['tokens']);
});

checks('acks: more than there are holders is told', () => {
  const put = (acks: number) =>
    callOf({
      request: { method: 'PUT', key: 'once/1', value: 'a', version: 1, acks: NODES },
      answer: { status: 200, version: 1, acks, token: PUT_TOKEN },
    });
  const lacking = onceGet(null, { status: 404 }, 100, 2);
  const verdict = (...calls: Evidence['calls']) =>
    namesOf(checkOnceKeys(evidenceOf({ calls, maps: kept })));
  assert.equal(verdict(put(2), lacking), []);
  assert.equal(verdict(put(3), lacking), ['acks']);
  assert.equal(verdict(put(4)), ['acks']);
  assert.equal(verdict(put(3), { ...lacking, crossedLives: true }), []);
});

checks('resurrection: what was deleted in the knowledge of its PUT stays away', () => {
  const calls = [oncePut(), onceDelete];
  assert.equal(checkOnceKeys(evidenceOf({ calls })), []);
  assert.equal(namesOf(checkOnceKeys(evidenceOf({ calls, maps: kept }))), ['resurrection']);
  const unclear = { ...onceDelete, answer: { ...onceDelete.answer, status: null } };
  assert.equal(checkOnceKeys(evidenceOf({ calls: [oncePut(), unclear], maps: kept })), []);
});

checks('survival: what was written once and never deleted is there', () => {
  assert.equal(checkOnceKeys(evidenceOf({ calls: [oncePut()], maps: kept })), []);
  assert.equal(namesOf(checkOnceKeys(evidenceOf({ calls: [oncePut()] }))), ['survival']);
  assert.equal(checkOnceKeys(evidenceOf({ calls: [oncePut()], incidents: [LOST] })), []);
});

checks('logs: damage, two ops under one id, and another winner than the greatest are told', () => {
  const maps = everywhere({ 'mixed/1': shown('a', 1) });
  const log = (
    node: number,
    ops: readonly ReturnType<typeof opOf>[],
    damage: string | null = null,
  ) => ({
    node,
    ops,
    damage,
  });
  const verdict = (...logs: Evidence['logs']) => namesOf(checkLogs(evidenceOf({ logs, maps })));
  assert.equal(verdict(log(0, [opOf({})])), []);
  assert.equal(verdict(log(0, [opOf({})], 'row 7 is damaged')), ['logs']);
  assert.equal(verdict(log(0, [opOf({})]), log(1, [opOf({ value: 'z' })])), ['logs', 'survival']);
  const later = opOf({ seq: 2, generation: 1, version: 0, value: 'b' });
  assert.equal(verdict(log(0, [opOf({}), later])), ['survival']);
  const removed = opOf({ seq: 2, kind: 'delete', value: null });
  assert.equal(verdict(log(0, [opOf({}), removed])), ['resurrection']);
  assert.equal(verdict(log(0, [])), ['resurrection']);
});

checks(
  'survival: a log that is compacted may hold a put whose delete is gone, if the delete came first',
  () => {
    const verdict = (isCompacted: boolean, ...won: readonly boolean[]) => {
      const logs = won.map((one, node) => ({ node, ops: [opOf({ won: one })], damage: null }));
      return namesOf(checkLogs(evidenceOf({ logs, maps: everywhere({}), isCompacted })));
    };
    assert.equal(verdict(true, false, false), []);
    assert.equal(verdict(true, false, true), ['survival']);
    assert.equal(verdict(false, false), ['survival']);
  },
);

checks('survival: an answered write that is in no log is told', () => {
  const put = callOf({
    request: { method: 'PUT', key: 'mixed/1', value: 'a', version: 1 },
    answer: { status: 200, version: 1, token: PUT_TOKEN },
  });
  const verdict = (wish: Partial<Evidence>) =>
    namesOf(checkLogs(evidenceOf({ calls: [put], ...wish })));
  assert.equal(verdict({}), ['survival']);
  assert.equal(verdict({ incidents: [LOST] }), []);
  assert.equal(verdict({ isCompacted: true }), []);
});

checks('watching: an event that comes twice, or after a newer one, is told', () => {
  const calls = [exactPut('a', 1, 0), exactPut('b', 2, 100)];
  const key = 'exact/node1/1/0';
  const [a, b] = [
    { key, value: 'a' },
    { key, value: 'b' },
  ];
  const maps = exactEnd('b', 2);
  const verdict = (...sightings: Parameters<typeof watchedOf>[0]) =>
    namesOf(
      checkWatching(evidenceOf({ calls, maps, watched: [watchedOf(sightings, { [key]: 'b' })] })),
    );
  assert.equal(verdict(a, b), []);
  assert.equal(verdict(a, b, { type: 'reset' }, b), []);
  assert.equal(verdict(a, a, b), ['watching']);
  assert.equal(verdict(b, a), ['watching']);
  assert.equal(verdict(a, { key, value: 'z' }), ['watching']);
});

checks('watching: each life that ended after a write lets its value come once more', () => {
  const calls = [exactPut('a', 1, 100)];
  const key = 'exact/node1/1/0';
  const told = { key, value: 'a' };
  const verdict = (times: number, ...endedAt: number[]) => {
    const incidents = endedAt.map((atMs) => ({ ...RETIRED, node: 1, atMs }));
    const watched = [watchedOf(Array(times).fill(told), { [key]: 'a' })];
    return namesOf(
      checkWatching(evidenceOf({ calls, maps: exactEnd('a', 1), watched, incidents })),
    );
  };
  assert.equal(verdict(2), ['watching']);
  assert.equal(verdict(2, 50), ['watching']);
  assert.equal(verdict(2, 150), []);
  assert.equal(verdict(3, 150), ['watching']);
  assert.equal(verdict(3, 150, 160), []);
});

checks('watching: of a race key that two nodes first put, a greater generation comes later', () => {
  const key = 'race/1';
  const put = (value: string, version: number) =>
    callOf({ request: { method: 'PUT', key, value, version }, answer: { status: 200, version } });
  const calls = [put('a', 2), put('b', 1)];
  const told = ['a', 'b'].map((value) => ({ key, value }));
  const verdict = (generation: number) => {
    const ops = [opOf({ key, value: 'a', version: 2 }), opOf({ key, value: 'b', generation })];
    const logs = [{ node: 0, ops, damage: null }];
    const watched = [watchedOf(told, { [key]: 'b' })];
    const maps = everywhere({ [key]: shown('b', 1) });
    return namesOf(checkWatching(evidenceOf({ calls, logs, watched, maps })));
  };
  assert.equal(verdict(1), []);
  assert.equal(verdict(0), ['watching']);
});

checks('watching: a mirror that is not the map at the end is told', () => {
  const calls = [exactPut('a', 1, 0)];
  const key = 'exact/node1/1/0';
  const verdict = (mirror: Readonly<Record<string, string>>) =>
    namesOf(
      checkWatching(
        evidenceOf({ calls, maps: exactEnd('a', 1), watched: [watchedOf([], mirror)] }),
      ),
    );
  assert.equal(verdict({ [key]: 'a' }), []);
  assert.equal(verdict({}), ['watching']);
  assert.equal(verdict({ [key]: 'a', other: 'b' }), ['watching']);
});

checks.run();
