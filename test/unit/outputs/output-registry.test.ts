import { expect, test } from 'vitest';
import { TesseraError } from '../../../src/errors.js';
import type { Logger } from '../../../src/logger.js';
import {
  OutputRegistry,
  type RegistryRoom,
  type RoomOutput,
} from '../../../src/outputs/output-registry.js';
import type { UpdateListener } from '../../../src/rooms/update-bus.js';

class FakeRoom implements RegistryRoom {
  private readonly followers: UpdateListener[] = [];
  readonly updates = {
    follow: (listener: UpdateListener) => {
      this.followers.push(listener);
      return () => {};
    },
  };
  egress: RegistryRoom['egress'] = { recording: 'off', live: false };
  constructor(readonly sid: string) {}

  setEgress(state: RegistryRoom['egress']): void {
    this.egress = state;
  }

  end(): void {
    for (const listener of this.followers) listener({ type: 'ended' });
  }
}

class FakeOutput implements RoomOutput {
  stops = 0;
  status: 'on' | 'paused' = 'on';
  constructor(
    readonly id: string,
    readonly room: RegistryRoom,
    private readonly onStop: (output: FakeOutput) => void = () => {},
  ) {}

  async stop(): Promise<void> {
    this.stops++;
    this.onStop(this);
  }
}

function registryOf(maxPerRoom: number) {
  const errors: unknown[] = [];
  const logger = { error: (details: unknown) => errors.push(details) } as unknown as Logger;
  const registry = new OutputRegistry<FakeOutput>(
    {
      maxPerRoom,
      tooMany: () => new TesseraError('too_many_outputs', 'too many'),
      stateOf: (outputs) => ({ recording: outputs[0]?.status ?? 'off' }),
    },
    logger,
  );
  const add = (id: string, room: RegistryRoom) =>
    registry.add(room, async () => new FakeOutput(id, room, (one) => registry.remove(one)));
  return { registry, add, errors };
}

test('an output is found by its id and by its room', async () => {
  const { registry, add } = registryOf(2);
  const [first, second] = [new FakeRoom('1'), new FakeRoom('2')];
  const a = await add('a', first);
  const b = await add('b', second);
  expect(registry.find('a')).toBe(a);
  expect(registry.inRoom('2')).toEqual([b]);
  expect(registry.all).toEqual([a, b]);
  expect(registry.find('c')).toBeUndefined();
});

test('the limit counts per room', async () => {
  const { registry, add } = registryOf(2);
  const [first, second] = [new FakeRoom('1'), new FakeRoom('2')];
  const a = await add('a', first);
  await add('b', first);
  await expect(add('c', first)).rejects.toMatchObject({ code: 'too_many_outputs' });
  await add('d', second);
  registry.remove(a);
  await add('c', first);
});

test('outputs that are still being created count too', async () => {
  const { registry, add } = registryOf(1);
  const room = new FakeRoom('1');
  let create: (output: FakeOutput) => void = () => {};
  const creating = registry.add(
    room,
    () =>
      new Promise((resolve) => {
        create = resolve;
      }),
  );
  await expect(add('b', room)).rejects.toMatchObject({ code: 'too_many_outputs' });
  create(new FakeOutput('a', room));
  expect((await creating).id).toBe('a');
});

test('an output that cannot be created leaves its place free', async () => {
  const { registry, add } = registryOf(1);
  const room = new FakeRoom('1');
  await expect(registry.add(room, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await add('a', room);
});

test('a room shows off, on and paused, and keeps what other outputs say', async () => {
  const { registry, add } = registryOf(1);
  const room = new FakeRoom('1');
  room.egress = { recording: 'off', live: true };
  const output = await add('a', room);
  registry.updateRoom(room);
  expect(room.egress).toEqual({ recording: 'on', live: true });
  output.status = 'paused';
  registry.updateRoom(room);
  expect(room.egress).toEqual({ recording: 'paused', live: true });
  registry.remove(output);
  expect(room.egress).toEqual({ recording: 'off', live: true });
});

test('the end of a room stops its outputs and no others', async () => {
  const { registry, add } = registryOf(2);
  const [first, second] = [new FakeRoom('1'), new FakeRoom('2')];
  const a = await add('a', first);
  const b = await add('b', first);
  const c = await add('c', second);
  registry.follow(first);
  registry.follow(second);
  first.end();
  expect([a.stops, b.stops, c.stops]).toEqual([1, 1, 0]);
  expect(registry.all).toEqual([c]);
});

test('an output whose room ends while it is created is refused', async () => {
  const { registry } = registryOf(1);
  const room = new FakeRoom('1');
  registry.follow(room);
  const adding = registry.add(room, async () => new FakeOutput('a', room));
  room.end();
  await expect(adding).rejects.toMatchObject({ code: 'room_ended' });
  expect(registry.all).toEqual([]);
});

test('close stops all, logs failures and takes no more', async () => {
  const { registry, add, errors } = registryOf(1);
  const broken = await registry.add(new FakeRoom('1'), async () => {
    return new FakeOutput('a', new FakeRoom('1'), () => {
      throw new Error('broken');
    });
  });
  const fine = await add('b', new FakeRoom('2'));
  await registry.close();
  expect([broken.stops, fine.stops]).toEqual([1, 1]);
  expect(errors).toMatchObject([{ output: 'a' }]);
  await expect(add('c', new FakeRoom('3'))).rejects.toMatchObject({ code: 'shutting_down' });
});
