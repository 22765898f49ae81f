/** Seeded choices: the same seed makes the same inputs. */
import { randomFrom } from '../../src/bots/random.js';

export class Random {
  private readonly next: () => number;

  constructor(seed: number) {
    this.next = randomFrom(seed);
  }

  /** A generator of its own for a part of a run, so that parts do not change one another's inputs. */
  static of(seed: number, part: string): Random {
    let mixed = seed | 0;
    for (let at = 0; at < part.length; at++) {
      mixed = Math.imul(mixed ^ part.charCodeAt(at), 0x01000193);
    }
    return new Random(mixed);
  }

  /** An integer from 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at++) bytes[at] = this.int(256);
    return bytes;
  }

  /** Short most of the time, now and then as long as `most`. */
  length(most: number): number {
    return Math.floor(most ** this.next()) - (this.chance(0.1) ? 1 : 0);
  }
}
