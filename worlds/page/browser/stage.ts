/** The canvas: as large as its place on the page, drawn as often as the screen is. */
import type { Position } from '../../rules/simulation.ts';
import { type Camera, type Colours, cameraFor, coloursOf, draw } from './ground.ts';
import type { PlaySession } from './playSession.ts';

const MOST_PIXELS_OF_PIXEL = 2;

export class Stage {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #session: PlaySession;
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)');
  #colours: Colours | null = null;
  #coloursOf = '';
  #camera: Camera | null = null;
  #own: Position | null = null;

  constructor(canvas: HTMLCanvasElement, session: PlaySession) {
    const context = canvas.getContext('2d', { alpha: false });
    if (context === null) throw new Error('This browser has no canvas.');
    this.#canvas = canvas;
    this.#context = context;
    this.#session = session;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#colours = null;
    });
    requestAnimationFrame((nowMs) => this.#frame(nowMs));
  }

  /** The own figure on the canvas, in pixels of the page. */
  get figureAt(): Position | null {
    if (this.#own === null || this.#camera === null) return null;
    const { scale, offsetX, offsetY } = this.#camera;
    return { x: this.#own.x * scale + offsetX, y: this.#own.y * scale + offsetY };
  }

  #frame(nowMs: number): void {
    requestAnimationFrame((nextMs) => this.#frame(nextMs));
    const scene = this.#session.scene;
    if (scene === null || this.#canvas.clientWidth === 0) {
      this.#own = null;
      return;
    }
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = Math.min(MOST_PIXELS_OF_PIXEL, devicePixelRatio);
    this.#resize(Math.round(width * ratio), Math.round(height * ratio));
    const figures = scene.figures(performance.now());
    const own = figures.find(({ isOwn }) => isOwn) ?? null;
    this.#own = own;
    const middle = { x: scene.map.width / 2, y: scene.map.height / 2 };
    const camera = cameraFor(scene.map, own ?? middle, width, height);
    this.#camera = camera;
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(this.#context, {
      mapName: scene.mapName,
      map: scene.map,
      coins: scene.ground,
      figures,
      camera,
      nowMs,
      colours: this.#coloursFor(scene.mapName),
      isLively: !this.#still.matches,
    });
  }

  #resize(width: number, height: number): void {
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
  }

  #coloursFor(mapName: Parameters<typeof coloursOf>[1]): Colours {
    if (this.#colours === null || this.#coloursOf !== mapName) {
      this.#colours = coloursOf(this.#canvas, mapName);
      this.#coloursOf = mapName;
    }
    return this.#colours;
  }
}
