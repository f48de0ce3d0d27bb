/** The reasons why a watch ends, each in one sentence for its client: the reason of a close frame, or the last comment of a stream. */
import type { EndReason } from '../../watch/hub/watcher.ts';

export const END_SENTENCES: Readonly<Record<EndReason, string>> = {
  stopping: 'The node is stopping: go on from the cursor elsewhere.',
  restarted: 'The node goes on with another log: go on from the cursor.',
  failed: 'The node could not read its log: go on from the cursor elsewhere.',
};
