/**
 * Webhooks: every event goes to every destination, signed as Standard Webhooks asks
 * (https://www.standardwebhooks.com, 1.0), in order for each room, and again with growing pauses until
 * it is taken or too old. What is not delivered yet is on the disk and survives a restart.
 */
import { createHmac } from 'node:crypto';
import type { Logger } from '../logger.js';
import type { RoomEvent } from '../rooms/room-events.js';
import type { RecordStore } from '../util/record-store.js';

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;
const TIMEOUT_MS = 10_000;
const CLOSE_MS = 1000;
/** Deliveries that wait, of all destinations; beyond, the newest are dropped and counted. */
const MAX_PENDING = 20_000;

export interface Delivery {
  readonly url: string;
  readonly event: RoomEvent;
}

export interface WebhookOptions {
  readonly urls: readonly string[];
  /** What signs, as bytes. */
  readonly secret: Buffer;
  readonly giveUpMs: number;
}

interface Queue {
  readonly waiting: { readonly name: string; readonly delivery: Delivery }[];
  running: Promise<void> | undefined;
}

/** `v1,` and the HMAC-SHA256 of id, time and body in base64. */
export function signatureOf(secret: Buffer, id: string, timestamp: number, body: string): string {
  const content = `${id}.${timestamp}.${body}`;
  return `v1,${createHmac('sha256', secret).update(content).digest('base64')}`;
}

export class WebhookSender {
  readonly counters = { delivered: 0, failed_attempts: 0, given_up: 0, dropped: 0 };
  /** By destination and room: neither waits for another. */
  private readonly queues = new Map<string, Queue>();
  private readonly closing = new AbortController();
  private pending = 0;
  private sequence = 0;

  constructor(
    private readonly options: WebhookOptions,
    private readonly store: RecordStore<Delivery>,
    private readonly logger: Logger,
  ) {}

  /** Takes up what an earlier run did not deliver. */
  async start(): Promise<void> {
    for (const [name, delivery] of await this.store.load()) {
      if (this.options.urls.includes(delivery.url)) this.enqueue(name, delivery);
      else this.store.delete(name);
    }
  }

  publish(event: RoomEvent): void {
    for (const url of this.options.urls) {
      if (this.pending >= MAX_PENDING) {
        this.counters.dropped++;
        continue;
      }
      // Names sort in the order of publishing.
      const order = `${this.sequence++}`.padStart(9, '0');
      const name = `${Date.now()}-${order}`;
      const delivery = { url, event };
      this.store.put(name, delivery);
      this.enqueue(name, delivery);
    }
  }

  /** Gives what waits a moment more; the next run sends the rest. */
  async close(): Promise<void> {
    const work = Promise.all([...this.queues.values()].map(({ running }) => running));
    await Promise.race([work, this.sleep(CLOSE_MS)]);
    this.closing.abort();
    await work;
    await this.store.settled();
  }

  private enqueue(name: string, delivery: Delivery): void {
    const key = `${delivery.url} ${delivery.event.room.name}`;
    const queue = this.queues.get(key) ?? { waiting: [], running: undefined };
    this.queues.set(key, queue);
    queue.waiting.push({ name, delivery });
    this.pending++;
    queue.running ??= this.work(key, queue).catch((error: unknown) =>
      this.logger.error({ error }, 'webhooks failed'),
    );
  }

  private async work(key: string, queue: Queue): Promise<void> {
    for (let next = queue.waiting[0]; next; next = queue.waiting[0]) {
      const done = await this.deliver(next.delivery);
      if (!done) return;
      queue.waiting.shift();
      this.pending--;
      this.store.delete(next.name);
    }
    this.queues.delete(key);
  }

  /** @returns whether there is nothing more to do about it; false when closing. */
  private async deliver({ url, event }: Delivery): Promise<boolean> {
    const until = event.createdAt * 1000 + this.options.giveUpMs;
    const body = JSON.stringify(event);
    for (let pause = FIRST_RETRY_MS; !this.closing.signal.aborted; pause *= 2) {
      if (await this.attempt(url, event, body)) {
        this.counters.delivered++;
        return true;
      }
      if (this.closing.signal.aborted) return false;
      this.counters.failed_attempts++;
      // Destinations that come back are not met by all at once.
      const wait = Math.min(MAX_RETRY_MS, pause) * (0.75 + Math.random() / 2);
      if (Date.now() + wait > until) {
        this.counters.given_up++;
        this.logger.warn({ event: event.event, id: event.id }, 'webhook given up');
        return true;
      }
      await this.sleep(wait);
    }
    return false;
  }

  private async attempt(url: string, { id, event }: RoomEvent, body: string): Promise<boolean> {
    const timestamp = Math.floor(Date.now() / 1000);
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
        headers: {
          'content-type': 'application/json',
          'user-agent': 'tessera',
          'webhook-id': id,
          'webhook-timestamp': `${timestamp}`,
          'webhook-signature': signatureOf(this.options.secret, id, timestamp, body),
        },
      });
      // The answer is of no interest, but it must be read for the connection to be used again.
      await response.body?.cancel();
      if (response.ok) return true;
      this.logger.debug({ event, status: response.status }, 'webhook refused');
    } catch (error) {
      this.logger.debug({ error, event }, 'webhook failed');
    }
    return false;
  }

  private sleep(ms: number): Promise<void> {
    const { signal } = this.closing;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  }
}
