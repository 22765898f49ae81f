/**
 * Overlays of the whole canvas: title, clock, recording mark, logo, watermark. Bitmaps are drawn
 * again when something about them changes; until then the same objects are returned.
 */
import { type Canvas, createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import type { OverlaySettings } from '../../protocol/overlay-settings.js';
import { evenDown } from '../../protocol/tile-geometry.js';
import { type Faults, ROOM } from '../faults.js';
import { useFont } from './fonts.js';
import type { Overlay } from './overlay.js';
import type { RoomImages } from './room-images.js';
import { bitmapOf, drawGround, fitText } from './tile-label.js';

/** Shares of the canvas' height: of a line of text with its box, and of the margin. */
const TEXT_HEIGHT = 0.05;
const MARGIN = 0.02;
const RECORDING = '#ff4d4d';
/** A title may take this share of the canvas' width. */
const TITLE_WIDTH = 0.6;

interface Size {
  readonly width: number;
  readonly height: number;
}

const evenUp = (value: number) => Math.max(2, Math.ceil(value / 2) * 2);

function toOverlay(context: SKRSContext2D, { width, height }: Canvas, x: number, y: number) {
  return { bitmap: bitmapOf(context, width, height), x: evenDown(x), y: evenDown(y) };
}

export class RoomOverlays {
  private settings: OverlaySettings = {};
  /** Grows when the settings change. */
  private version = 0;
  private clock: Intl.DateTimeFormat | undefined;
  private overlays: readonly Overlay[] = [];
  /** What {@link overlays} were drawn for. */
  private key = '';

  constructor(
    private readonly canvas: Size,
    private readonly images: RoomImages,
    private readonly faults: Faults,
  ) {}

  set(settings: OverlaySettings): void {
    this.settings = settings;
    this.version++;
    const { clock } = settings;
    const format = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
    this.clock = clock && new Intl.DateTimeFormat('en-GB', { ...format, timeZone: clock.timeZone });
  }

  /** @param now in ms since 1970, for the clock. @returns from the back to the front. */
  at(now: number): readonly Overlay[] {
    const time = this.clock?.format(now) ?? '';
    const key = `${this.images.generation} ${this.version} ${time}`;
    if (key !== this.key) {
      this.key = key;
      this.overlays = this.draw(time);
    }
    return this.overlays;
  }

  private draw(time: string): readonly Overlay[] {
    const { title = '', recording, logo, watermark } = this.settings;
    const { width, height } = this.canvas;
    const margin = height * MARGIN;
    const overlays: Overlay[] = [];
    // An overlay that cannot be drawn is left out; the others are there.
    const add = (make: () => readonly Overlay[]) => {
      overlays.push(...(this.faults.guard(ROOM, 'overlay', make) ?? []));
    };
    if (watermark) {
      const { image, height: share, opacity } = watermark;
      add(() => this.image(image, share, 'middle', opacity));
    }
    if (logo) add(() => this.image(logo.image, logo.height, logo.corner, 1));
    let right = width - margin;
    if (time !== '') {
      add(() => {
        const { context, canvas } = this.pill(time, false);
        right -= canvas.width;
        const clock = toOverlay(context, canvas, right, margin);
        right -= margin;
        return [clock];
      });
    }
    if (recording) {
      add(() => {
        const { context, canvas } = this.pill('REC', true);
        return [toOverlay(context, canvas, right - canvas.width, margin)];
      });
    }
    if (title !== '') {
      add(() => {
        const { context, canvas } = this.pill(title, false);
        return [toOverlay(context, canvas, margin, margin)];
      });
    }
    return overlays;
  }

  /** A text in a dark box; the recording mark has a red dot before it. */
  private pill(text: string, isMark: boolean): { context: SKRSContext2D; canvas: Canvas } {
    const { width: most, height: whole } = this.canvas;
    const height = evenUp(whole * TEXT_HEIGHT);
    const padding = height * 0.35;
    const dot = isMark ? height * 0.6 : 0;
    const measure = createCanvas(1, 1).getContext('2d');
    useFont(measure, height * 0.6, text);
    const shown = fitText(measure, text, most * TITLE_WIDTH);
    const width = evenUp(measure.measureText(shown).width + 2 * padding + dot);
    const canvas = createCanvas(width, height);
    const context = canvas.getContext('2d');
    drawGround(context, width, height);
    if (isMark) {
      context.fillStyle = RECORDING;
      context.beginPath();
      context.arc(padding + height * 0.18, height / 2, height * 0.2, 0, 2 * Math.PI);
      context.fill();
    }
    useFont(context, height * 0.6, text);
    context.fillStyle = '#fff';
    context.textBaseline = 'middle';
    context.fillText(shown, padding + dot, height * 0.53);
    return { context, canvas };
  }

  private image(
    name: string,
    share: number,
    place: 'middle' | NonNullable<OverlaySettings['logo']>['corner'],
    opacity: number,
  ): Overlay[] {
    const found = this.images.get(`room/${name}`);
    if (!found) return [];
    const { width: most, height: whole } = this.canvas;
    const { image } = found;
    const scale = Math.min((whole * share) / image.height, most / image.width);
    const canvas = createCanvas(
      Math.min(evenUp(image.width * scale), evenDown(most)),
      Math.min(evenUp(image.height * scale), evenDown(whole)),
    );
    const context = canvas.getContext('2d');
    context.globalAlpha = opacity;
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const margin = whole * MARGIN;
    const [left, top] = [margin, margin];
    const [right, bottom] = [most - margin - canvas.width, whole - margin - canvas.height];
    const [x, y] =
      place === 'middle'
        ? [(most - canvas.width) / 2, (whole - canvas.height) / 2]
        : [place.endsWith('left') ? left : right, place.startsWith('top') ? top : bottom];
    return [toOverlay(context, canvas, Math.max(0, x), Math.max(0, y))];
  }
}
