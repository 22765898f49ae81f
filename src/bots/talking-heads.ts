/**
 * Pictures that are as hard to encode as a call: people in front of a room who sway, nod and speak,
 * with the noise of a camera. The same seed draws the same pictures.
 */
import type { Picture } from '../codecs/ffmpeg/picture.js';
import { randomFrom } from './random.js';

const NOISE_LENGTH = 1 << 16;
/** Of a camera in a room at night, in steps of luma either way. */
const NOISE = 3;

interface Person {
  /** Luma of the room behind them, of the tile's size. */
  readonly room: Uint8Array;
  readonly phase: number;
  readonly skin: number;
  readonly chroma: readonly [number, number];
}

export class TalkingHeads {
  private readonly people: Person[] = [];
  private readonly noise: Int8Array;
  private readonly columns: number;
  private readonly tileWidth: number;
  private readonly tileHeight: number;

  /** @param width of the pictures, in pixels; even, as the height. */
  constructor(width: number, height: number, count: number) {
    const random = randomFrom(count);
    this.columns = Math.ceil(Math.sqrt(count));
    this.tileWidth = Math.floor(width / this.columns / 2) * 2;
    this.tileHeight = Math.floor(height / Math.ceil(count / this.columns) / 2) * 2;
    this.noise = Int8Array.from({ length: NOISE_LENGTH }, () =>
      Math.round((random() + random() - 1) * NOISE),
    );
    for (let i = 0; i < count; i++) {
      this.people.push({
        room: roomOf(this.tileWidth, this.tileHeight, random),
        phase: random() * 100,
        skin: 110 + random() * 70,
        chroma: [108 + random() * 8, 140 + random() * 14],
      });
    }
  }

  /** Draws the picture of a frame; at 30 frames a second they move as people do. */
  draw(picture: Picture, frame: number): void {
    this.people.forEach((person, index) => {
      const left = (index % this.columns) * this.tileWidth;
      const top = Math.floor(index / this.columns) * this.tileHeight;
      this.drawPerson(picture, person, left, top, frame / 30 + person.phase, frame + index * 7);
    });
  }

  private drawPerson(
    { planes, strides }: Picture,
    { room, skin, chroma }: Person,
    left: number,
    top: number,
    seconds: number,
    seed: number,
  ): void {
    const { tileWidth: width, tileHeight: height, noise } = this;
    const [luma, cb, cr] = planes as [Buffer, Buffer, Buffer];
    const [stride, half] = strides as [number, number];
    const headX = width * (0.5 + 0.03 * Math.sin(seconds * 0.9) + 0.01 * Math.sin(seconds * 2.3));
    const headY = height * (0.42 + 0.015 * Math.sin(seconds * 1.7));
    const [radiusX, radiusY] = [height * 0.2, height * 0.27];
    const mouth = 0.02 + 0.05 * Math.abs(Math.sin(seconds * 9) * Math.sin(seconds * 1.3));
    const blinks = seconds % 3.1 < 0.12;
    let at = (seed * 7919) % NOISE_LENGTH;
    for (let y = 0; y < height; y++) {
      const row = (top + y) * stride + left;
      const v = (y - headY) / radiusY;
      for (let x = 0; x < width; x++) {
        const u = (x - headX) / radiusX;
        let value = room[y * width + x] as number;
        const body = v > 1 && Math.abs(u) < 0.5 + (v - 1) * 1.6;
        if (body) value = 60 + 20 * Math.sin(u * 9) + 8 * Math.sin(v * 23);
        if (u * u + v * v < 1) {
          value = skin * (1 - 0.3 * u * u) + 6 * Math.sin(u * 17 + v * 11);
          if (v < -0.45) value = 40 + 12 * Math.sin(u * 40);
          const eye = Math.abs(Math.abs(u) - 0.36) < 0.13 && Math.abs(v + 0.1) < 0.05;
          if (eye && !blinks) value = Math.abs(Math.abs(u) - 0.36) < 0.05 ? 25 : 210;
          if (Math.abs(u) < 0.3 && Math.abs(v - 0.5) < mouth) value = 55;
        }
        at = (at + 1) & (NOISE_LENGTH - 1);
        luma[row + x] = Math.max(16, Math.min(235, value + (noise[at] as number)));
      }
      if (y % 2 === 1) continue;
      const chromaRow = ((top + y) >> 1) * half + (left >> 1);
      for (let x = 0; x < width; x += 2) {
        const u = (x - headX) / radiusX;
        const isSkin = u * u + v * v < 1 && v > -0.45;
        cb[chromaRow + (x >> 1)] = isSkin ? chroma[0] : 124;
        cr[chromaRow + (x >> 1)] = isSkin ? chroma[1] : 130;
      }
    }
  }
}

/** Walls, a shelf and its books: large planes with edges between them, and some texture. */
function roomOf(width: number, height: number, random: () => number): Uint8Array {
  const room = new Uint8Array(width * height);
  const base = 90 + random() * 90;
  const books = Array.from({ length: 40 }, () => 50 + random() * 150);
  const shelf = 0.15 + random() * 0.2;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = [x / width, y / height];
      const isBook = Math.abs(v - shelf) < 0.1 && u > 0.55;
      const wall = base + 25 * u - 15 * v + 4 * Math.sin(x * 0.7) * Math.sin(y * 0.9);
      room[y * width + x] = isBook ? (books[Math.floor(u * 90) % 40] as number) : wall;
    }
  }
  return room;
}
