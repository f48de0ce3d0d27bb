/** The lines of the log on the number of connections that the node takes. */
import type { ConnectionsChange } from '../http/limits/fullConnections.ts';
import type { Note } from '../words/note.ts';

/** @returns a function that writes one line when clients hold all connections, and one when there is room again. */
export const connectionsNote =
  (note: Note) =>
  ({ isFull, most, refused }: ConnectionsChange): void => {
    if (isFull)
      note('warn', `Clients hold all ${most} connections: requests on further ones get 503.`, {
        event: 'connections-full',
      });
    else
      note('info', `There is room for connections again; refused meanwhile: ${refused}.`, {
        event: 'connections-have-room',
      });
  };

/**
 * Writes a line if the process may not open as many files as `--max-connections` needs.
 *
 * @param taken the number of connections that the node takes. @param files that the process may open.
 */
export function noteFewFiles(note: Note, taken: number, wanted: number, files: number): void {
  if (taken >= wanted) return;
  note(
    'warn',
    `This process may open ${files} files, so the node takes ${taken} connections, not the ${wanted} of ` +
      '--max-connections: raise the limit (ulimit -n, LimitNOFILE), or lower the setting.',
    { event: 'few-files' },
  );
}
