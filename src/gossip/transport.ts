/**
 * Connections to peers, as the driver sees them: texts in order over one connection, which may break
 * at any time. The adapter authenticates both sides before a connection counts as open.
 */

/** Names one connection of this process; never used again. */
export type ConnectionId = number;

/** The fields of its hello that a peer has proved before the connection was opened. */
export interface ProvedPeer {
  readonly cluster?: string;
  readonly nodeId?: string;
  readonly origin?: string;
  readonly instance?: string;
}

export type TransportEvent =
  | {
      readonly kind: 'opened';
      readonly connection: ConnectionId;
      /** The URL that we dialled, or null if the peer dialled us. */
      readonly dialledUrl: string | null;
      /** The address of the peer, without a port: peers that share it can't be told apart before a hello. */
      readonly address: string;
      /** Absent if it has proved no more than that it may speak. */
      readonly proved?: ProvedPeer;
    }
  | { readonly kind: 'dialFailed'; readonly url: string; readonly reason: string }
  | { readonly kind: 'message'; readonly connection: ConnectionId; readonly text: string }
  | { readonly kind: 'closed'; readonly connection: ConnectionId; readonly reason: string };

export interface Transport {
  /** Gets every event; set once, before the first dial. */
  listen(listener: (event: TransportEvent) => void): void;
  /** Ends in `opened` or `dialFailed`, within a bounded time. */
  dial(url: string): void;
  /** Best effort: bytes in a connection that breaks are lost. */
  send(connection: ConnectionId, text: string): void;
  /** Bytes that the connection has not yet handed to the network. */
  bufferedBytes(connection: ConnectionId): number;
  /** Sends the buffered bytes, then closes; `closed` follows. */
  close(connection: ConnectionId, reason: string): void;
  /** Closes every connection and takes no more. */
  stop(): Promise<void>;
}
