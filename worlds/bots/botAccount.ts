/** The account of a bot, and its requests over HTTP: it logs in as a guest, joins, and refreshes its token where that has ended. */
import { Agent, fetch, type Response } from 'undici';
import { z } from 'zod';

const LOOPBACK = /^(localhost|127\.[\d.]+)$/;
const ASK_LIMIT_MS = 10_000;
const MOST_LOGINS = 20;
const LOGIN_AGAIN_MS = 500;
/** Statuses of a login that may be answered otherwise a little later. */
const LATER = new Set([429, 503]);

const guestSchema = z.object({ player: z.string(), access: z.string(), refresh: z.string() });
const tokensSchema = guestSchema.omit({ player: true });
const offerSchema = z.object({
  region: z.string(),
  world: z.string(),
  instance: z.string(),
  playUrl: z.string(),
  seatToken: z.string(),
});

export type SeatOffer = z.output<typeof offerSchema>;

export interface Refused {
  /** 0: no answer came. */
  readonly status: number;
  readonly retryAfterSeconds: number | null;
}

export type JoinTarget =
  | { readonly region: string; readonly world: string }
  /** Any world, the preferred regions first. */
  | { readonly regions: readonly string[] };

export class BotAccount implements AsyncDisposable {
  readonly player: string;
  /** Null: the system chooses. */
  readonly localAddress: string | null;
  readonly #edgeUrl: string;
  readonly #agent: Agent;
  #access: string;
  #refresh: string;

  private constructor(
    edgeUrl: string,
    localAddress: string | null,
    agent: Agent,
    { player, access, refresh }: z.output<typeof guestSchema>,
  ) {
    this.#edgeUrl = edgeUrl;
    this.localAddress = localAddress;
    this.#agent = agent;
    this.player = player;
    this.#access = access;
    this.#refresh = refresh;
  }

  /**
   * @param number of the bot, from 0: on Linux each has its own loopback address, as the edge counts by address.
   * @throws Error if identity does not answer, or refuses it for ten seconds.
   */
  static async guest(edgeUrl: string, number: number): Promise<BotAccount> {
    const localAddress = addressOf(number, edgeUrl);
    const agent = new Agent(localAddress === null ? {} : { localAddress });
    for (let tries = 1; ; tries += 1) {
      const answer = await fetch(`${edgeUrl}/identity/guests`, {
        method: 'POST',
        signal: AbortSignal.timeout(ASK_LIMIT_MS),
        dispatcher: agent,
      });
      if (answer.ok)
        return new BotAccount(edgeUrl, localAddress, agent, guestSchema.parse(await answer.json()));
      await answer.body?.cancel();
      // The edge bounds the guests of an address, and those of all together; under load identity may be slow.
      if (!LATER.has(answer.status) || tries === MOST_LOGINS) {
        await agent.destroy();
        throw new Error(`A login was answered by ${answer.status}.`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOGIN_AGAIN_MS));
    }
  }

  /** The header of its requests. */
  get authorization(): string {
    return `Bearer ${this.#access}`;
  }

  /**
   * @param not instances that were found dead.
   * @param from the living instance that has sent the player away; null for none.
   */
  async join(
    target: JoinTarget,
    not: readonly string[],
    from: string | null = null,
  ): Promise<SeatOffer | Refused> {
    const facts = { not, ...(from !== null && { from }) };
    const body = 'regions' in target ? { regions: target.regions, ...facts } : facts;
    const path = 'regions' in target ? '/join' : `/worlds/${target.region}/${target.world}/join`;
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    try {
      const answer = await this.ask('POST', path, headers, body);
      if (answer.ok) return offerSchema.parse(await answer.json());
      await answer.body?.cancel();
      const retryAfter = answer.headers.get('Retry-After');
      const retryAfterSeconds = retryAfter === null ? null : Number(retryAfter);
      return { status: answer.status, retryAfterSeconds };
    } catch {
      return { status: 0, retryAfterSeconds: null };
    }
  }

  /** @throws TypeError if no answer comes. */
  async ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: object,
  ): Promise<Response> {
    const once = (): Promise<Response> => this.#fetch(method, path, headers, body);
    const answer = await once();
    if (answer.status !== 401 || !(await this.#renew())) return answer;
    await answer.body?.cancel();
    return once();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  #fetch(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: object,
  ): Promise<Response> {
    return fetch(this.#edgeUrl + path, {
      method,
      headers: { Authorization: this.authorization, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ASK_LIMIT_MS),
      dispatcher: this.#agent,
    });
  }

  async #renew(): Promise<boolean> {
    const body = { grant: 'refresh', refresh: this.#refresh };
    const answer = await this.#fetch('POST', '/identity/tokens', {}, body);
    if (!answer.ok) {
      await answer.body?.cancel();
      return false;
    }
    const { access, refresh } = tokensSchema.parse(await answer.json());
    this.#access = access;
    this.#refresh = refresh;
    return true;
  }
}

function addressOf(number: number, edgeUrl: string): string | null {
  if (process.platform !== 'linux' || !LOOPBACK.test(new URL(edgeUrl).hostname)) return null;
  return `127.1.${(number + 1) >> 8}.${(number + 1) & 255}`;
}
