/** A seat as an api asks an instance for it, and the answer. */
import type { SeatAnswer } from '../rules/seat.ts';
import type { PreviousPlace } from './guests.ts';

export interface ReserveRequest {
  readonly player: string;
  readonly session: string;
  readonly fence: number;
  readonly previous: PreviousPlace | null;
}

export type Reservation =
  | {
      readonly type: 'reserved';
      readonly isNew: boolean;
      readonly token: string;
      readonly untilMs: number;
    }
  | { readonly type: 'refused'; readonly reason: 'full' | 'draining' | 'unsaved' };

export function reasonFor(answer: SeatAnswer): 'full' | 'draining' {
  return answer.type === 'refused' && answer.reason === 'draining' ? 'draining' : 'full';
}
