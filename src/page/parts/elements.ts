/** Small parts that several views show. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isPassing } from '../api/nodes.ts';
import { local, localIsUtc, span, utc } from '../words/formats.ts';
import { Store } from '../words/store.ts';

/** A time in the reader's zone, with UTC beside it unless both are the same. */
export function Time({
  at,
  now,
}: {
  readonly at: number;
  readonly now: number;
}): ComponentChildren {
  const isUtc = localIsUtc();
  return h('time', { dateTime: new Date(at).toISOString(), title: new Date(at).toISOString() }, [
    h('span', null, local(at, now)),
    isUtc ? ' UTC' : [' ', h('span', { class: 'utc' }, utc(at))],
  ]);
}

export type Mood = 'good' | 'warn' | 'bad' | 'plain';

/** A word with a sign before it, so that colour is not all that tells it. */
export function Badge({
  mood,
  children,
}: {
  mood: Mood;
  children: ComponentChildren;
}): ComponentChildren {
  const sign = { good: '✓', warn: '!', bad: '✕', plain: '·' }[mood];
  // Another word is another badge: the old one does not move, it goes.
  const key = `${mood} ${typeof children === 'string' ? children : ''}`;
  return h('span', { class: `badge ${mood}`, key }, [
    h('span', { 'aria-hidden': 'true' }, `${sign} `),
    children,
  ]);
}

/** A line for the shell, with a button that copies it. */
export function CopyLine({ text }: { readonly text: string }): ComponentChildren {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    navigator.clipboard?.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return h('div', { class: 'copy' }, [
    h('pre', { tabIndex: 0 }, h('code', null, text)),
    h('button', { type: 'button', onClick: copy }, copied ? 'Copied' : 'Copy'),
  ]);
}

export function Problem({ error }: { readonly error: unknown }): ComponentChildren {
  return h('p', { class: 'problem', role: 'alert' }, errorText(error));
}

export const errorText = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

interface DialogProps {
  readonly label: string;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

/** A modal dialog: the browser keeps the focus in it, and Escape closes it. */
export function Dialog({ label, onClose, children }: DialogProps): ComponentChildren {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return h('dialog', { ref: dialog, 'aria-label': label, onClose }, [
    h('h2', null, label),
    children,
  ]);
}

/** The time now. One timer moves it, however many parts follow it, and none while nobody does. */
class Clock {
  readonly #now = new Store(Date.now());
  #followers = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  get now(): number {
    return this.#now.value;
  }

  follow(tell: () => void): () => void {
    const leave = this.#now.follow(tell);
    if (this.#followers++ === 0) {
      this.#now.set(Date.now());
      this.#timer = setInterval(() => {
        if (!document.hidden) this.#now.set(Date.now());
      }, TICK_MS);
    }
    return () => {
      leave();
      if (--this.#followers === 0) clearInterval(this.#timer);
    };
  }
}

const TICK_MS = 1000;
const clock = new Clock();

/** The time now, which moves on once a second while the page is seen. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => clock.follow(() => setNow(clock.now)), []);
  return now;
}

/** The time that is left until then; it counts down. */
export function TimeLeft({ until }: { readonly until: number }): ComponentChildren {
  const left = until - useNow();
  return left > 0 ? span(left) : 'expired';
}

const RETRY_MS = 3000;

/** Does the work again, in a while, after an error that may pass. @param error a new one for each failure. */
export function useRetry(error: unknown, again: () => void): void {
  const latest = useRef(again);
  latest.current = again;
  useEffect(() => {
    if (!isPassing(error)) return;
    const timer = setTimeout(() => latest.current(), RETRY_MS);
    return () => clearTimeout(timer);
  }, [error]);
}

export interface Polled<T> {
  readonly data: T | null;
  readonly error: unknown;
  readonly again: () => void;
}

/**
 * Asks at once and then again and again while the page is seen, never twice at one time.
 *
 * @param on asks anew when one of these changes.
 */
export function usePolled<T>(
  ask: () => Promise<T>,
  intervalMs: number,
  on: readonly unknown[],
): Polled<T> {
  const [state, setState] = useState<{ data: T | null; error: unknown }>({
    data: null,
    error: null,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isOver = false;
    let isAsking = false;
    const run = async (): Promise<void> => {
      if (isAsking || isOver) return;
      isAsking = true;
      try {
        const data = await ask();
        if (!isOver) setState({ data, error: null });
      } catch (error) {
        if (!isOver) setState((before) => ({ data: before.data, error }));
      } finally {
        isAsking = false;
      }
    };
    void run();
    const whenSeen = (): void => {
      if (!document.hidden) void run();
    };
    const timer = setInterval(whenSeen, intervalMs);
    document.addEventListener('visibilitychange', whenSeen);
    return () => {
      isOver = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', whenSeen);
    };
  }, [...on, turn]);
  return { ...state, again: () => setTurn((before) => before + 1) };
}
