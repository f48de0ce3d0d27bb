/** How a node says that it is: what `GET /_health` answers. */
import type { Driver } from '../gossip/driver/driver.ts';
import type { Replica } from '../replica/replica.ts';

export interface Health {
  /** `failing`: clients can not write. `degraded`: they can, and a person should look. */
  readonly status: 'ok' | 'degraded' | 'failing';
  /** One sentence each. */
  readonly reasons: readonly string[];
}

export const DISK_FULL = 'The disk is full: writes are answered with 507 until space is freed.';

export function healthOf(replica: Replica, driver: Pick<Driver, 'forked' | 'status'>): Health {
  const { whyUnwritable } = replica.readiness;
  if (whyUnwritable !== null)
    return { status: 'failing', reasons: [`The node takes no writes yet: ${whyUnwritable}.`] };
  const reasons: string[] = [];
  if (replica.isDiskFull) reasons.push(DISK_FULL);
  for (const origin of driver.forked())
    reasons.push(
      `Two different histories of ${origin} exist: nothing of it is taken until its node has rejoined.`,
    );
  for (const peer of driver.status())
    if (peer.agrees === false) reasons.push(`${peer.nodeId} holds the same ops but another map.`);
  return { status: reasons.length > 0 ? 'degraded' : 'ok', reasons };
}
