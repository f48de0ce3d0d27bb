/** Deletes every key of a folder, on every node. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { countKeys, deleteFolder } from '../api/entries.ts';
import { Dialog, Problem } from '../parts/elements.ts';
import { count, things } from '../words/formats.ts';

/** Counts first, so that a person knows what goes. */
export function DeleteFolder({
  prefix,
  onClose,
}: {
  readonly prefix: string;
  readonly onClose: () => void;
}): ComponentChildren {
  const [found, setFound] = useState<{ keys: number; isMore: boolean } | null>(null);
  const [sofar, setSofar] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const [gone, setGone] = useState<number | null>(null);
  useEffect(() => {
    countKeys(prefix, setSofar).then(setFound, setError);
  }, [prefix]);
  const remove = (): void => {
    deleteFolder(prefix).then(setGone, setError);
  };
  return h(Dialog, { label: 'Delete a folder', onClose }, [
    h('p', { class: 'mono' }, prefix),
    error !== null && h(Problem, { error }),
    gone !== null
      ? h('p', { role: 'status' }, `Deleted: ${things(gone, 'key')}.`)
      : h(
          'p',
          { role: 'status' },
          found === null
            ? `Counting: ${count(sofar)} …`
            : `${found.isMore ? 'More than ' : ''}${things(found.keys, 'key')} would be deleted, on every node.`,
        ),
    h('div', { class: 'row' }, [
      gone === null &&
        h(
          'button',
          {
            type: 'button',
            class: 'danger',
            disabled: found === null || found.keys === 0,
            onClick: remove,
          },
          found === null ? 'Delete' : `Delete ${things(found.keys, 'key')}`,
        ),
      h('button', { type: 'button', onClick: onClose }, gone === null ? 'Keep' : 'Close'),
    ]),
  ]);
}
