/** The names of nodes in certificates: `hearsay://CLUSTER/NODE_ID`, as an alternative name of the kind URI. */
import type { X509Certificate } from 'node:crypto';
import { namesOf } from './certificates.ts';

const PEER_URI = /^hearsay:\/\/([A-Za-z0-9._-]{1,64})\/([A-Za-z0-9_-]{1,32})$/;

export const peerUri = (cluster: string, nodeId: string): string =>
  `hearsay://${cluster}/${nodeId}`;

/** The node of the cluster that may show the certificate; null if it names none, or several. */
export function nodeNamedIn(certificate: X509Certificate, cluster: string): string | null {
  const [nodeId, ...others] = namesOf(certificate).uris.flatMap((uri) => {
    const [, ofCluster, named] = PEER_URI.exec(uri) ?? [];
    return named !== undefined && ofCluster === cluster ? [named] : [];
  });
  return nodeId === undefined || others.length > 0 ? null : nodeId;
}
