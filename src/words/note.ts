/** Messages of a node to the people who run it. */

/** A message for machines that read the log: a node's log has these facts beside the sentence. */
export interface NoteFacts {
  /** One word for each kind of message, such as `connected`. */
  readonly event: string;
  /** The node id of the peer that the message is about. */
  readonly peer?: string;
  /** The origin that the message is about. */
  readonly origin?: string;
  /** The URL of the peer, where it is not known by name. */
  readonly url?: string;
  /** The network address of the peer, where it is known by nothing else. */
  readonly address?: string;
  /** The id of the cluster. */
  readonly cluster?: string;
  /** The word of a refusal, as the protocol has it. */
  readonly code?: string;
  readonly reason?: string;
}

/** `debug`: what happens all the time in a great cluster, and is no news there. */
export type NoteLevel = 'debug' | 'info' | 'warn';

export type Note = (level: NoteLevel, text: string, facts?: NoteFacts) => void;
