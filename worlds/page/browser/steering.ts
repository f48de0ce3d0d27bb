/** Where the player wants to walk: by arrow keys or W A S D, or by a finger or the mouse on the ground. */
import type { Step } from '../../rules/simulation.ts';
import type { Direction } from './scene.ts';

const KEYS: Readonly<Record<string, Direction>> = {
  ArrowLeft: { dx: -1, dy: 0 },
  ArrowRight: { dx: 1, dy: 0 },
  ArrowUp: { dx: 0, dy: -1 },
  ArrowDown: { dx: 0, dy: 1 },
  KeyA: { dx: -1, dy: 0 },
  KeyD: { dx: 1, dy: 0 },
  KeyW: { dx: 0, dy: -1 },
  KeyS: { dx: 0, dy: 1 },
};

/** A pointer that is nearer to the figure along an axis, in pixels, does not move it along that. */
const NEAR = 14;

export interface SteeringOptions {
  readonly canvas: HTMLCanvasElement;
  /** Where the own figure is on the canvas, in pixels of the page; null: nowhere. */
  readonly figureAt: () => { readonly x: number; readonly y: number } | null;
  readonly isPlaying: () => boolean;
}

export class Steering {
  readonly #options: SteeringOptions;
  readonly #down = new Set<string>();
  #pointer: { readonly x: number; readonly y: number } | null = null;

  constructor(options: SteeringOptions) {
    this.#options = options;
    const { canvas } = options;
    addEventListener('keydown', (event) => this.#onKey(event));
    addEventListener('keyup', ({ code }) => this.#down.delete(code));
    addEventListener('blur', () => this.stop());
    document.addEventListener('visibilitychange', () => this.stop());
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#point(event);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.#pointer !== null) this.#point(event);
    });
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture'] as const)
      canvas.addEventListener(name, () => {
        this.#pointer = null;
      });
  }

  get direction(): Direction {
    const figure = this.#options.figureAt();
    if (this.#pointer !== null && figure !== null)
      return { dx: away(this.#pointer.x - figure.x), dy: away(this.#pointer.y - figure.y) };
    let [dx, dy] = [0, 0];
    for (const code of this.#down) {
      dx += KEYS[code]?.dx ?? 0;
      dy += KEYS[code]?.dy ?? 0;
    }
    return { dx: signOf(dx), dy: signOf(dy) };
  }

  stop(): void {
    this.#down.clear();
    this.#pointer = null;
  }

  #onKey(event: KeyboardEvent): void {
    const { code, target } = event;
    if (!(code in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.#options.isPlaying() || isField(target)) return;
    event.preventDefault();
    this.#down.add(code);
  }

  #point({ offsetX, offsetY }: PointerEvent): void {
    this.#pointer = { x: offsetX, y: offsetY };
  }
}

const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;

const signOf = (value: number): Step => {
  if (value === 0) return 0;
  return value > 0 ? 1 : -1;
};

const away = (distance: number): Step => (Math.abs(distance) < NEAR ? 0 : signOf(distance));
