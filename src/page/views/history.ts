/** One key through time: every op on it, where it was seen when, and the rule that decided against it. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { faultText, Walk } from '../../log/tools/walk.ts';
import type { KeyOp } from '../../words/op.ts';
import { LAST_VERSION } from '../../words/op.ts';
import type { Row } from '../../words/row.ts';
import { logOf } from '../api/logReader.ts';
import { nodes } from '../api/nodes.ts';
import { Badge, errorText, Time, useNow } from '../parts/elements.ts';
import { Diff, Value } from '../parts/value.ts';
import { count, span, things } from '../words/formats.ts';
import {
  type HistoryOp,
  historyOf,
  type KeyMoment,
  momentAt,
  momentsOf,
} from '../words/keyHistory.ts';
import { comparedText } from '../words/rawBytes.ts';
import { go, route } from '../words/route.ts';
import { useStore } from '../words/store.ts';

/** The newest rows of one node: the history of a busy key has no end. */
const MOST_ROWS = 500;
const MOST_SHOWN = 100;
/** A node that gave no log is asked again after this time, in milliseconds. */
const RETRY_MS = 5000;

interface NodeLog {
  readonly node: string;
  readonly rows: readonly Row[];
  readonly isCut: boolean;
  /** Why it could not be read at all. */
  readonly fault: string | null;
  /** Parts that could not be read; a sentence each. */
  readonly damage: readonly string[];
}

async function logAt(base: string, key: string, signal: AbortSignal): Promise<NodeLog> {
  let node = new URL(base).host;
  try {
    node = (await nodes.readClusterAt(base).catch(() => null))?.node ?? node;
    const source = logOf(base, signal);
    const { lastLsn } = await source.facts();
    const rows: Row[] = [];
    let isCut = false;
    const walk = new Walk(0, lastLsn);
    for await (const page of walk.rowsOn(source, key)) {
      rows.push(...page);
      if (rows.length > MOST_ROWS) {
        isCut = true;
        rows.splice(0, rows.length - MOST_ROWS);
      }
    }
    return { node, rows, isCut, fault: null, damage: walk.faults.map(faultText) };
  } catch (error) {
    return { node, rows: [], isCut: false, fault: errorText(error), damage: [] };
  }
}

export function HistoryView(): ComponentChildren {
  const { parameters } = useStore(route);
  const key = parameters.get('key') ?? '';
  const known = useStore(nodes.known);
  const present = useStore(nodes.present);
  const [logs, setLogs] = useState<readonly NodeLog[] | null>(null);
  const [turn, setTurn] = useState(0);
  const shownKey = useRef('');
  const now = useNow();
  useEffect(() => {
    if (key === '') return;
    const over = new AbortController();
    const all = [present, ...known.filter((base) => base !== present)];
    const found = new Map<number, NodeLog>();
    let again: ReturnType<typeof setTimeout> | undefined;
    if (shownKey.current !== key) setLogs(null);
    shownKey.current = key;
    // Each is shown as it comes: a slow node holds none of the others up.
    for (const [index, base] of all.entries())
      void logAt(base, key, over.signal).then((log) => {
        if (over.signal.aborted) return;
        found.set(index, log);
        setLogs([...found].sort(([one], [other]) => one - other).map(([, read]) => read));
        if (log.fault !== null)
          again ??= setTimeout(() => setTurn((before) => before + 1), RETRY_MS);
      });
    return () => {
      over.abort();
      clearTimeout(again);
    };
  }, [key, present, known.join(), turn]);
  useEffect(() => {
    // So that the sightings are those of all nodes.
    nodes.readCluster().catch(() => {});
  }, []);
  return [
    h('h1', null, 'One key'),
    h(KeyForm, { key, shown: key, onAgain: () => setTurn((before) => before + 1) }),
    key === ''
      ? h(
          'p',
          { class: 'hint' },
          'Name a key, or open one in Keys and choose History. The log keeps every op on it for as long as --retention says, also of deleted keys.',
        )
      : logs === null
        ? h('p', { role: 'status' }, 'Reading the logs …')
        : h(Shown, { logs, now }),
  ];
}

function KeyForm({
  shown,
  onAgain,
}: {
  readonly shown: string;
  readonly onAgain: () => void;
}): ComponentChildren {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    const key = String(new FormData(event.target).get('key') ?? '');
    if (key === shown) onAgain();
    else if (key !== '') go('history', { key });
  };
  return h('form', { class: 'bar', role: 'search', onSubmit: submit }, [
    h('input', {
      type: 'search',
      name: 'key',
      value: shown,
      'aria-label': 'Key',
      placeholder: 'Key',
      spellcheck: false,
    }),
    h('button', { type: 'submit', class: 'main' }, 'Show'),
  ]);
}

function Shown({
  logs,
  now,
}: {
  readonly logs: readonly NodeLog[];
  readonly now: number;
}): ComponentChildren {
  const ops = historyOf(logs);
  const [own] = logs;
  const moments = own === undefined ? [] : momentsOf(own.rows, now);
  const silent = logs.filter(({ fault }) => fault !== null);
  const damage = logs.flatMap(({ node, damage: told }) =>
    told.map((sentence) => h('p', { class: 'problem', role: 'alert' }, `${node}: ${sentence}`)),
  );
  if (ops.length === 0 && damage.length > 0) return damage;
  if (ops.length === 0)
    return silent.length === logs.length
      ? h('p', { class: 'problem', role: 'alert' }, silent[0]?.fault)
      : h('p', { class: 'empty' }, 'No log holds an op on this key.');
  return [
    damage,
    own?.isCut && h('p', { class: 'hint' }, `The last ${count(MOST_ROWS)} ops are shown.`),
    h('div', { class: 'cards' }, [
      moments.length > 0 && h(AtMoment, { moments, node: own?.node ?? '', now }),
      h(Versions, { ops }),
    ]),
    h('section', { class: 'card' }, [
      h('h2', null, `Every op: ${count(ops.length)}`),
      h(
        'ol',
        { class: 'timeline' },
        [...ops]
          .reverse()
          .slice(0, MOST_SHOWN)
          .map((op) =>
            h(OpItem, { key: op.id, shown: op, nodeCount: logs.length - silent.length, now }),
          ),
      ),
      ops.length > MOST_SHOWN &&
        h('p', { class: 'hint' }, `The newest ${MOST_SHOWN} of ${count(ops.length)} are listed.`),
      // Below all else, because a node may come and go while a person reads.
      silent.map(({ node, fault }) => h('p', { class: 'hint' }, `Not seen at ${node}: ${fault}`)),
    ]),
  ];
}

interface OpItemProps {
  readonly shown: HistoryOp;
  /** Nodes whose logs were read. */
  readonly nodeCount: number;
  readonly now: number;
}

function OpItem({
  shown: { op, id, seen, isEntry, isTouch, beatenBy },
  nodeCount,
  now,
}: OpItemProps): ComponentChildren {
  const [first] = seen;
  const isDead = op.kind === 'put' && op.expiresAt !== null && op.expiresAt <= now;
  return h('li', { class: isEntry ? 'now' : seen.some(({ won }) => won) ? 'won' : '' }, [
    h('div', { class: 'row' }, [
      h('strong', null, isTouch ? `Touch, version ${count(op.version)}` : describe(op)),
      isEntry
        ? h(Badge, {
            mood: op.kind === 'delete' || isDead ? 'plain' : 'good',
            children:
              op.kind === 'delete'
                ? 'the key is deleted'
                : isDead
                  ? 'it has expired'
                  : 'this is the entry',
          })
        : seen.every(({ won }) => !won)
          ? h(Badge, { mood: 'warn', children: 'never won' })
          : null,
    ]),
    h('div', null, [
      'Written at ',
      h('strong', null, op.origin.split('.')[0]),
      ' as ',
      h('span', { class: 'mono' }, id),
      first !== undefined && [', ', h(Time, { at: first.atMs, now })],
    ]),
    beatenBy !== null &&
      h('div', null, [
        'Beaten by ',
        h('span', { class: 'mono' }, beatenBy.id),
        `: ${beatenBy.why}.`,
      ]),
    op.kind === 'put' &&
      op.expiresAt !== null &&
      h('div', null, ['Lives until ', h(Time, { at: op.expiresAt, now })]),
    h('div', { class: 'soft' }, [
      'Seen: ',
      seen.map(
        ({ node, atMs, won }, index) =>
          `${index > 0 ? ', ' : ''}${node} ${index === 0 ? 'first' : `+${span(atMs - (first?.atMs ?? 0))}`}${won ? '' : ' (lost there)'}`,
      ),
      seen.length < nodeCount && `; not yet at ${things(nodeCount - seen.length, 'other node')}`,
    ]),
    op.kind === 'put' &&
      h('details', null, [
        h('summary', null, 'Value'),
        h(Value, { name: op.key, text: op.value, meta: metaOf(op.meta) }),
      ]),
  ]);
}

const describe = (op: KeyOp): string =>
  op.kind === 'delete'
    ? `Delete${op.version === LAST_VERSION ? '' : ` up to version ${count(op.version)}`}, generation ${count(op.generation)}`
    : `Put, version ${count(op.version)}, generation ${count(op.generation)}`;

function metaOf(text: string | null): unknown {
  return text === null ? null : (JSON.parse(text) as unknown);
}

interface AtMomentProps {
  readonly moments: readonly KeyMoment[];
  readonly node: string;
  readonly now: number;
}

/** The slider begins this much before the first change, so that "not yet there" can be seen. */
const MARGIN = 0.02;
/** Marks below the slider; more would be one bar. */
const MOST_MARKS = 200;

/** The value at any moment of the clock, from before the first change until now. */
function AtMoment({ moments, node, now }: AtMomentProps): ComponentChildren {
  const [chosenMs, setChosenMs] = useState<number | null>(null);
  const [untilMs] = useState(now);
  const firstMs = moments[0]?.atMs ?? untilMs;
  const lastMs = Math.max(untilMs, moments.at(-1)?.atMs ?? untilMs);
  const fromMs = firstMs - Math.max(1000, Math.round((lastMs - firstMs) * MARGIN));
  const atMs = chosenMs ?? lastMs;
  const moment = momentAt(moments, atMs);
  const place = moment === null ? -1 : moments.indexOf(moment);
  const slide = ({ target }: Event): void => {
    if (target instanceof HTMLInputElement) setChosenMs(Number(target.value));
  };
  const step = (label: string, to: KeyMoment | undefined): ComponentChildren =>
    h(
      'button',
      {
        type: 'button',
        disabled: to === undefined,
        onClick: () => to !== undefined && setChosenMs(to.atMs),
      },
      label,
    );
  return h('section', { class: 'card' }, [
    h('h2', null, ['Its value at a moment', h('span', { class: 'soft' }, `at ${node}`)]),
    h('div', { class: 'row' }, [
      h('input', {
        type: 'range',
        min: fromMs,
        max: lastMs,
        step: 1,
        value: atMs,
        list: 'changes',
        'aria-label': 'The moment',
        'aria-valuetext': `${new Date(atMs).toLocaleString()}, ${placeText(place, moments.length)}`,
        onInput: slide,
      }),
      h(
        'datalist',
        { id: 'changes' },
        moments.slice(-MOST_MARKS).map(({ atMs: mark }) => h('option', { value: mark })),
      ),
      step('Change before', moments[place - (moment?.atMs === atMs ? 1 : 0)]),
      step('Change after', moments[place + 1]),
    ]),
    h('p', null, ['At ', h(Time, { at: atMs, now }), `: ${placeText(place, moments.length)}`]),
    h(AtThatTime, { moment }),
  ]);
}

const placeText = (place: number, total: number): string =>
  place < 0 ? 'before the first change' : `change ${count(place + 1)} of ${count(total)}`;

function AtThatTime({ moment }: { readonly moment: KeyMoment | null }): ComponentChildren {
  const op = moment?.op ?? null;
  if (moment === null || op === null) return h('p', null, 'The log holds no entry of it then.');
  if (moment.isExpiry) return h('p', null, 'It had expired.');
  if (op.kind === 'delete') return h('p', null, 'It was deleted.');
  return h(Value, { name: op.key, text: op.value, meta: metaOf(op.meta) });
}

/** Two versions side by side. */
function Versions({ ops }: { readonly ops: readonly HistoryOp[] }): ComponentChildren {
  const puts = ops.flatMap(({ op, id }) => (op.kind === 'put' ? [{ id, op }] : []));
  const [chosen, setChosen] = useState<readonly [string | null, string | null]>([null, null]);
  const before = puts.find(({ id }) => id === chosen[0]) ?? puts.at(-2) ?? puts.at(-1);
  const after = puts.find(({ id }) => id === chosen[1]) ?? puts.at(-1);
  if (before === undefined || after === undefined) return null;
  const choice = (label: string, value: string, choose: (id: string) => void): ComponentChildren =>
    h('label', null, [
      label,
      h(
        'select',
        {
          value,
          onChange: ({ target }: Event) => {
            if (target instanceof HTMLSelectElement) choose(target.value);
          },
        },
        puts.map(({ id, op }) =>
          h('option', { value: id, selected: id === value }, `version ${op.version} (${id})`),
        ),
      ),
    ]);
  return h('section', { class: 'card' }, [
    h('h2', null, 'Two versions'),
    h('div', { class: 'row' }, [
      choice('From', before.id, (id) => setChosen([id, chosen[1]])),
      choice('to', after.id, (id) => setChosen([chosen[0], id])),
    ]),
    h(Diff, {
      before: comparedText(before.op.value, metaOf(before.op.meta)),
      after: comparedText(after.op.value, metaOf(after.op.meta)),
    }),
  ]);
}
