/** Tells what has happened, as one sentence for a person. */
import type { PlayNews } from './playSession.ts';

export function newsText(news: PlayNews, nameOf: (world: PlaceName) => string): string {
  switch (news.type) {
    case 'joined':
      return `You are in ${nameOf(news.seat)}.`;
    case 'back':
      return `You are back, in ${nameOf(news.seat)}, after ${seconds(news.afterMs)}.`;
    case 'lost':
      return 'The connection is lost. You come back by yourself …';
    case 'waiting':
      return `Still on the way back … (${news.message})`;
    case 'moving':
      return 'This world is about to end. You are moved to another …';
    case 'milestone':
      return `${news.coins} coins are yours for good: two nodes have stored them.`;
    case 'left':
      return 'You have left the world. Your progress is saved.';
    case 'revoked':
      return 'You were logged out.';
    case 'replaced':
      return 'You play in another window now.';
    case 'malformed':
      return 'The world did not understand this page. Load the page again.';
    case 'refused':
      return news.refusal.message;
  }
}

interface PlaceName {
  readonly region: string;
  readonly world: string;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
