import { expect, test } from 'vitest';
import { CloseStack } from '../../../src/util/close-stack.js';

test('closes the latest first, one after the other, once', async () => {
  const closed: string[] = [];
  const stack = new CloseStack();
  stack.add(() => closed.push('first'));
  stack.add(async () => {
    await Promise.resolve();
    closed.push('second');
  });
  await Promise.all([stack.close(), stack.close()]);
  await stack.close();
  expect(closed).toEqual(['second', 'first']);
});

test('a failing step does not keep the others from closing', async () => {
  const closed: string[] = [];
  const stack = new CloseStack();
  stack.add(() => closed.push('first'));
  stack.add(() => Promise.reject(new Error('stuck')));
  await expect(stack.close()).rejects.toThrow('stuck');
  expect(closed).toEqual(['first']);
});
