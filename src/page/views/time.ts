/** The whole map at a moment of the past against the map now, from the log of the node that is asked. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { LiveFold } from '../../log/tools/entriesAt.ts';
import { cutOf, momentNow, momentOf } from '../../log/tools/moment.ts';
import { faultText, Walk } from '../../log/tools/walk.ts';
import { compareKeys } from '../../words/keyOrder.ts';
import { logOf } from '../api/logReader.ts';
import { nodes } from '../api/nodes.ts';
import { errorText, Time, useNow } from '../parts/elements.ts';
import { count, share, span, things } from '../words/formats.ts';
import { linkTo } from '../words/route.ts';

/** In keys: what a browser holds with ease. */
const MOST_KEYS = 500_000;
const MOST_SHOWN = 500;

interface Change {
  readonly key: string;
  readonly kind: 'added' | 'changed' | 'deleted';
}

interface Compared {
  readonly atMs: number;
  readonly keysThen: number;
  readonly keysNow: number;
  readonly changes: readonly Change[];
  /** Parts of the log that could not be read; a sentence each. */
  readonly damage: readonly string[];
}

class TooManyKeysError extends Error {
  constructor() {
    super(
      `More than ${count(MOST_KEYS)} keys are compared on the command line (hearsay log diff); name a prefix here.`,
    );
  }
}

async function compare(
  atMs: number,
  prefix: string,
  signal: AbortSignal,
  told: (part: number) => void,
): Promise<Compared> {
  const source = logOf(nodes.present.value, signal);
  const facts = await source.facts();
  const then = new LiveFold(await momentOf(source, facts, { kind: 'time', atMs }));
  const present = new LiveFold(momentNow(facts));
  const walk = new Walk(0, facts.lastLsn, ({ share: part }) => told(part));
  for await (const heads of walk.heads(source)) {
    for (const head of heads) {
      if (!head.key.startsWith(prefix)) continue;
      then.take(head);
      present.take(head);
    }
    if (present.lsns.size > MOST_KEYS || then.lsns.size > MOST_KEYS) throw new TooManyKeysError();
  }
  const changes: Change[] = [];
  for (const [key, lsn] of present.lsns) {
    const before = then.lsns.get(key);
    if (before === undefined) changes.push({ key, kind: 'added' });
    else if (before !== lsn) changes.push({ key, kind: 'changed' });
  }
  for (const key of then.lsns.keys())
    if (!present.lsns.has(key)) changes.push({ key, kind: 'deleted' });
  changes.sort((a, b) => compareKeys(a.key, b.key));
  return {
    atMs,
    keysThen: then.lsns.size,
    keysNow: present.lsns.size,
    changes,
    damage: walk.faults.map(faultText),
  };
}

const SPANS_MS = [60_000, 10 * 60_000, 3_600_000, 6 * 3_600_000, 24 * 3_600_000] as const;

export function TimeView(): ComponentChildren {
  const now = useNow();
  const [prefix, setPrefix] = useState('');
  const [atMs, setAtMs] = useState(() => Date.now() - 10 * 60_000);
  const [cutMs, setCutMs] = useState(0);
  const [part, setPart] = useState<number | null>(null);
  const [compared, setCompared] = useState<Compared | null>(null);
  const [error, setError] = useState<string | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => {
    const over = new AbortController();
    logOf(nodes.present.value, over.signal)
      .facts()
      .then(
        (facts) => setCutMs(cutOf(facts)),
        () => {},
      );
    return () => {
      over.abort();
      running.current?.abort();
    };
  }, []);
  const run = (moment: number): void => {
    running.current?.abort();
    const over = new AbortController();
    running.current = over;
    setAtMs(moment);
    setError(null);
    setPart(0);
    compare(moment, prefix, over.signal, (done) => {
      if (!over.signal.aborted) setPart(done);
    })
      .then(
        (made) => {
          if (!over.signal.aborted) setCompared(made);
        },
        (fault) => {
          if (!over.signal.aborted) setError(errorText(fault));
        },
      )
      .finally(() => {
        if (!over.signal.aborted) setPart(null);
      });
  };
  const takeTime = ({ target }: Event): void => {
    if (target instanceof HTMLInputElement && !Number.isNaN(Date.parse(target.value)))
      setAtMs(Date.parse(target.value));
  };
  return [
    h('h1', null, 'The map then and now'),
    h(
      'form',
      {
        class: 'card',
        onSubmit: (event: Event) => {
          event.preventDefault();
          run(atMs);
        },
      },
      [
        h('div', { class: 'bar' }, [
          h('label', null, [
            'Then',
            h('input', {
              type: 'datetime-local',
              step: 1,
              value: fieldTime(atMs),
              onChange: takeTime,
            }),
          ]),
          ...SPANS_MS.map((ms) =>
            h(
              'button',
              { type: 'button', onClick: () => run(Date.now() - ms) },
              `${span(ms).replace(/ 0 (s|min|h)$/, '')} ago`,
            ),
          ),
        ]),
        h('div', { class: 'bar' }, [
          h('input', {
            type: 'search',
            value: prefix,
            'aria-label': 'Keys that begin with',
            placeholder: 'Keys that begin with …',
            onInput: ({ target }: Event) => {
              if (target instanceof HTMLInputElement) setPrefix(target.value);
            },
          }),
          h('button', { type: 'submit', class: 'main' }, 'Compare'),
        ]),
        h('p', { class: 'hint' }, [
          'Then: ',
          h(Time, { at: atMs, now }),
          cutMs > 0
            ? ['; the log reaches back to ', h(Time, { at: cutMs, now })]
            : '; the log reaches back to its beginning',
        ]),
        h(
          'div',
          { style: { minHeight: '1.6rem' } },
          part !== null &&
            h('label', { style: { display: 'flex' } }, [
              h('span', { style: { whiteSpace: 'nowrap' } }, `Reading the log: ${share(part)}`),
              h('progress', { value: part, max: 1 }),
            ]),
        ),
      ],
    ),
    error !== null && h('p', { class: 'problem', role: 'alert' }, error),
    compared !== null && h(Changes, { compared, now }),
    compared === null &&
      error === null &&
      h(
        'p',
        { class: 'empty' },
        'Choose a moment: each key that was added, changed, deleted or has expired since is listed, from the log of the node that is asked.',
      ),
  ];
}

/** As the field wants it: local, without a zone. */
function fieldTime(atMs: number): string {
  const shifted = new Date(atMs - new Date(atMs).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

const SIGNS = { added: '+', changed: '~', deleted: '−' } as const;

function Changes({
  compared,
  now,
}: {
  readonly compared: Compared;
  readonly now: number;
}): ComponentChildren {
  const { changes, keysThen, keysNow, atMs, damage } = compared;
  const of = (kind: Change['kind']): number =>
    changes.filter((change) => change.kind === kind).length;
  return h('section', { class: 'card', style: { marginTop: '1rem' } }, [
    h('h2', null, [h('span', null, ['Since ', h(Time, { at: atMs, now })])]),
    damage.map((sentence) => h('p', { class: 'problem', role: 'alert' }, sentence)),
    h(
      'p',
      { role: 'status' },
      `${things(keysThen, 'key')} then, ${count(keysNow)} now: ${count(of('added'))} added, ${count(of('changed'))} changed, ${count(of('deleted'))} deleted or expired.`,
    ),
    changes.length === 0
      ? h('p', null, 'Nothing has changed.')
      : h('table', null, [
          h(
            'thead',
            null,
            h('tr', null, [h('th', { scope: 'col' }, 'Change'), h('th', { scope: 'col' }, 'Key')]),
          ),
          h(
            'tbody',
            null,
            changes
              .slice(0, MOST_SHOWN)
              .map(({ key, kind }) =>
                h('tr', { key }, [
                  h('td', { class: 'word' }, `${SIGNS[kind]} ${kind}`),
                  h('td', { class: 'key' }, h('a', { href: linkTo('history', { key }) }, key)),
                ]),
              ),
          ),
        ]),
    changes.length > MOST_SHOWN &&
      h(
        'p',
        { class: 'hint' },
        `The first ${MOST_SHOWN} of ${count(changes.length)} are listed: name a prefix to see others.`,
      ),
  ]);
}
