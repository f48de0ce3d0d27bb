/** The ways between the nodes of a run: a port with two adapters, namespaces and relays. */
import type { Links } from './links.ts';

export type NetworkKind = 'namespaces' | 'proxy';

export interface Network extends AsyncDisposable {
  readonly kind: NetworkKind;
  /** The faults of links that it can't bring about; it can always cut. */
  readonly lacks: readonly ('loss' | 'delay')[];
  /** Base URL at which clients reach a node, also during cuts. */
  clientUrl(node: number): string;
  /** The words before the command that starts a node. */
  commandOf(node: number): readonly string[];
  /** The settings by which a node listens and reaches the others. */
  settingsOf(node: number): Readonly<Record<string, string>>;
  /** Makes the links as they are wished. */
  apply(links: Links): Promise<void>;
}
