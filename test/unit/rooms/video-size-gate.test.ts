import { expect, test } from 'vitest';
import { Admission } from '../../../src/rooms/admission.js';
import { VideoSizeGate } from '../../../src/rooms/video-size-gate.js';
import { LARGEST_SIZE } from '../../../src/util/frame-size.js';

const size = (width: number, height: number) => ({ width, height });

test('usual sizes are always taken, larger ones while there is CPU, the largest never', () => {
  const asked: string[] = [];
  let hasCpu = true;
  const gate = new VideoSizeGate(LARGEST_SIZE, ({ width, height }) => {
    asked.push(`${width}x${height}`);
    return hasCpu;
  });
  expect(gate.judge(size(1920, 1200), 0)).toBe('taken');
  expect(gate.judge(size(1080, 1920), 0)).toBe('taken');
  expect(gate.judge(size(3841, 2160), 0)).toBe('too_large');
  expect(gate.judge(size(2160, 3841), 0)).toBe('too_large');
  expect(asked).toEqual([]);
  // Each keyframe asks, CPU is reserved once.
  for (let keyframe = 0; keyframe < 3; keyframe++) {
    expect(gate.judge(size(2560, 1440), keyframe)).toBe('taken');
  }
  hasCpu = false;
  expect(gate.judge(size(3840, 2160), 0)).toBe('no_cpu');
  expect(gate.judge(size(3840, 2160), 9_000_000)).toBe('no_cpu');
  expect(gate.judge(size(2560, 1440), 9_000_000)).toBe('taken');
  hasCpu = true;
  expect(gate.judge(size(3840, 2160), 10_000_000)).toBe('taken');
  expect(asked).toEqual(['2560x1440', '3840x2160', '3840x2160']);
});

test('CPU for large video is reserved by its pixels', () => {
  const free = new Admission({ loadControl: true, admissionShare: 1 });
  expect(free.admitVideo(size(3840, 2160), 0)).toBe(true);
  const admission = new Admission({ loadControl: true, admissionShare: 0.85 });
  let taken = 0;
  while (taken < 10_000 && admission.admitVideo(size(3840, 2160), 0)) taken++;
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThan(10_000);
  expect(admission.admitVideo(size(3840, 2160), 0)).toBe(false);
  expect(admission.admitVideo(size(1280, 720), 0)).toBe(true);
  // After some seconds the measurement contains it.
  expect(admission.admitVideo(size(3840, 2160), 5_000_000)).toBe(true);
});
