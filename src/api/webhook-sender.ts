/**
 * Webhooks: every event goes to every destination, signed by Standard Webhooks
 * (https://www.standardwebhooks.com, 1.0), in order for each room. A delivery that fails is repeated
 * with growing pauses until it succeeds or is too old. Pending deliveries are on the disk, so that
 * they survive a restart.
 */
import { createHmac } from 'node:crypto';
import type { Logger } from '../logger.js';
import type { RoomEvent } from '../rooms/room-events.js';
import { backoffMs } from '../util/backoff.js';
import type { RecordStore } from '../util/record-store.js';
import { sleep } from '../util/sleep.js';

/** With jitter, so that a destination that comes back is not hit by all deliveries at once. */
const RETRY = { firstMs: 500, maxMs: 60_000, jitter: 0.25 };
const TIMEOUT_MS = 10_000;
const CLOSE_MS = 1000;
/** Pending deliveries of all destinations; when there are more, the newest are dropped and counted. */
const MAX_PENDING = 20_000;

export interface Delivery {
  readonly url: string;
  readonly event: RoomEvent;
}

export interface WebhookOptions {
  readonly urls: readonly string[];
  /** The signing key. */
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
  /** By destination and room: they do not wait for each other. */
  private readonly queues = new Map<string, Queue>();
  private readonly closing = new AbortController();
  private pending = 0;
  private sequence = 0;

  constructor(
    private readonly options: WebhookOptions,
    private readonly store: RecordStore<Delivery>,
    private readonly logger: Logger,
  ) {}

  /** Continues with what an earlier run did not deliver. */
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

  /** Gives pending deliveries a moment; the next run sends the rest. */
  async close(): Promise<void> {
    const work = Promise.all([...this.queues.values()].map(({ running }) => running));
    await Promise.race([work, sleep(CLOSE_MS, this.closing.signal)]);
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

  /** @returns true if the delivery succeeded or was given up; false if the sender closes. */
  private async deliver({ url, event }: Delivery): Promise<boolean> {
    const until = event.createdAt * 1000 + this.options.giveUpMs;
    const body = JSON.stringify(event);
    for (let failures = 1; !this.closing.signal.aborted; failures++) {
      if (await this.attempt(url, event, body)) {
        this.counters.delivered++;
        return true;
      }
      if (this.closing.signal.aborted) return false;
      this.counters.failed_attempts++;
      const wait = backoffMs(failures, RETRY);
      if (Date.now() + wait > until) {
        this.counters.given_up++;
        this.logger.warn({ event: event.event, id: event.id }, 'webhook given up');
        return true;
      }
      await sleep(wait, this.closing.signal);
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
      // The connection is used again only if the answer is read or cancelled.
      await response.body?.cancel();
      if (response.ok) return true;
      this.logger.debug({ event, status: response.status }, 'webhook refused');
    } catch (error) {
      this.logger.debug({ error, event }, 'webhook failed');
    }
    return false;
  }
}
