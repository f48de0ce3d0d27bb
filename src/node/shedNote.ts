/** The lines of the log that tell when the node begins to shed requests, and when it ends. */
import type { ShedChange, ShedFor } from '../http/limits/shedding.ts';
import type { Note } from '../words/note.ts';

const PLACES: Readonly<Record<ShedFor, string>> = {
  heap: 'the heap',
  queue: 'the queue of writes',
  answers: 'the room for unread answers',
};

/** @returns a function that writes one line for each change. */
export const shedNote =
  (note: Note) =>
  ({ reason, hasBegun, share, lastedMs, refused }: ShedChange): void => {
    const place = `${PLACES[reason]} is ${Math.round(share * 100)} % full`;
    if (hasBegun) {
      note('warn', `Requests get 503: ${place}.`, { event: 'shedding', reason });
      return;
    }
    const seconds = (lastedMs / 1000).toFixed(1);
    const past = `${refused} were refused in ${seconds} s`;
    note('info', `Requests are served again: ${place}; ${past}.`, {
      event: 'shedding-ended',
      reason,
    });
  };
