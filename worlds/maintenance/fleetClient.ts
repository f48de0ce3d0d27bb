/** Asks the fleet of a region. */
import type { ServiceSigner } from '../access/serviceTokens.ts';
import { traceHeaders } from '../process/spans.ts';
import type { SlotAction, SlotView } from '../rules/maintenancePlan.ts';
import { fleetName } from '../slots/linkMessages.ts';
import { slotsSchema } from '../slots/slotMessages.ts';

const ASK_LIMIT_MS = 2000;

export class FleetClient {
  readonly #url: string;
  readonly #region: string;
  readonly #signer: ServiceSigner;

  constructor(url: string, region: string, signer: ServiceSigner) {
    this.#url = url;
    this.#region = region;
    this.#signer = signer;
  }

  /** @throws Error if the fleet does not answer. */
  async readSlots(): Promise<readonly SlotView[]> {
    const answer = await this.#ask('GET', '/slots');
    return slotsSchema.parse(await answer.json()).slots;
  }

  /** @throws Error if the fleet refuses it, or does not answer. */
  async setSlot({ world, slot, wanted, configurationVersion }: SlotAction): Promise<void> {
    const body = JSON.stringify({ desired: wanted, config: configurationVersion });
    const answer = await this.#ask('PUT', `/slots/${world}/${slot}`, body);
    await answer.body?.cancel();
  }

  async #ask(method: string, path: string, body: string | null = null): Promise<Response> {
    const token = await this.#signer.tokenFor(fleetName(this.#region));
    const answer = await fetch(this.#url + path, {
      method,
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(ASK_LIMIT_MS),
      headers: { Authorization: `Bearer ${token}`, ...traceHeaders() },
    });
    if (answer.ok) return answer;
    throw new Error(`The fleet answered ${answer.status} to ${method} ${path}.`);
  }
}
