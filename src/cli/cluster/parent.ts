/**
 * The channel between a node and the `hearsay cluster` that started it, which is Node's own between
 * parent and child. The node reports that it serves, that it is ready or what it waits for, and the
 * reason why it can't go on. The parent stops the node by closing the channel, or by dying.
 */
import type { ToParent } from './messages.ts';

/** Not in the help, because only `hearsay cluster` gives it. */
export const UNDER_CLUSTER_FLAG = '--under-cluster';

/** Resolves once the parent has closed the channel or is gone. */
export function parentGone(): Promise<void> {
  return new Promise((resolve) => {
    process.once('disconnect', resolve);
    // The parent may have gone while this process was loading.
    if (!process.connected) resolve();
  });
}

/** Closes the channel to the parent, which would keep this process alive. */
export function leaveParent(): void {
  if (process.connected) process.disconnect();
}

/** @returns whether the parent got the message. */
export function tellParent(message: ToParent): Promise<boolean> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve(false);
    else process.send(message, undefined, {}, (error) => resolve(error === null));
  });
}
