/** What each encoder is opened with: real time, one picture in, one out. */
import {
  FF_ENCODER_H264_NVENC,
  FF_ENCODER_H264_QSV,
  FF_ENCODER_H264_VAAPI,
  FF_ENCODER_LIBSVTAV1,
  FF_ENCODER_LIBVPX_VP8,
  FF_ENCODER_LIBVPX_VP9,
  FF_ENCODER_LIBX264,
} from 'node-av';
import { BASE_LAYER_SHARE, type CompositeCodec, type HardwareEncoder } from '../../util/units.js';

export type VideoContent = 'camera' | 'screen';

export interface VideoEncoderOptions {
  readonly codec: CompositeCodec;
  readonly width: number;
  readonly height: number;
  /** Nominal frames per second; frames may be left out. */
  readonly frameRate: number;
  readonly bitrateBps: number;
  /** What most of the picture is; a camera's by default. */
  readonly content?: VideoContent;
  /** Encoders' own trade of quality for CPU: `cpu-used` of libvpx, else the preset. */
  readonly speed?: string;
  /** Of H.264; x264 takes its place where it cannot be opened. */
  readonly hardware?: HardwareEncoder | undefined;
  /** Every second frame is one that no other needs, where the codec can; off by default. */
  readonly temporalLayers?: boolean;
}

export const ENCODER_NAMES = {
  vp8: FF_ENCODER_LIBVPX_VP8,
  h264: FF_ENCODER_LIBX264,
  vp9: FF_ENCODER_LIBVPX_VP9,
  av1: FF_ENCODER_LIBSVTAV1,
} as const;

/** One picture in, one out; a constant bitrate; one thread. */
const SVTAV1_PARAMS = 'pred-struct=1:rc=2:lp=1';

export const HARDWARE_NAMES = {
  nvenc: FF_ENCODER_H264_NVENC,
  vaapi: FF_ENCODER_H264_VAAPI,
  qsv: FF_ENCODER_H264_QSV,
} as const;

const HARDWARE_OPTIONS: Record<HardwareEncoder, [string, string][]> = {
  nvenc: [
    ['preset', 'p3'],
    ['tune', 'ull'],
    ['profile', 'baseline'],
    ['rc', 'cbr'],
    ['zerolatency', '1'],
    ['delay', '0'],
    ['forced-idr', '1'],
  ],
  vaapi: [
    ['profile', 'constrained_baseline'],
    ['rc_mode', 'CBR'],
    ['async_depth', '1'],
    ['idr_interval', '0'],
  ],
  qsv: [
    ['preset', 'veryfast'],
    ['profile', 'baseline'],
    ['async_depth', '1'],
    ['low_delay_brc', '1'],
    ['forced_idr', '1'],
  ],
};

/** zerolatency would cut each frame into a slice a thread; one thread is enough up to 1080p. */
const X264_PARAMS = 'keyint=infinite:scenecut=0:sliced-threads=0';
/**
 * For text: a better search and small intra blocks, 1.5 to 2.4 dB for half as much CPU again; what
 * smooths cameras' noise would smear letters.
 */
const X264_SCREEN_PARAMS = `${X264_PARAMS}:me=hex:subme=1:partitions=i4x4:deblock=-2,-2:no-psy=1`;

/** Real-time options; `setOption` because a Dictionary given to open2 is freed twice by node-av. */
export function realtimeOptions(options: VideoEncoderOptions): [string, string][] {
  if (options.hardware) return HARDWARE_OPTIONS[options.hardware];
  const { speed } = options;
  if (options.codec === 'h264') {
    return [
      ['preset', speed ?? 'ultrafast'],
      ['tune', 'zerolatency'],
      ['profile', 'baseline'],
      ['forced-idr', '1'],
      ['x264-params', options.content === 'screen' ? X264_SCREEN_PARAMS : X264_PARAMS],
    ];
  }
  if (options.codec === 'av1') {
    const content = options.content === 'screen' ? ':scm=1' : '';
    return [
      ['preset', speed ?? '12'],
      ['svtav1-params', SVTAV1_PARAMS + content],
    ];
  }
  const isScreen = options.content === 'screen';
  const own: [string, string][] =
    options.codec === 'vp9'
      ? [
          ['cpu-used', speed ?? '7'],
          ['auto-alt-ref', '0'],
          ['aq-mode', '3'],
          ['tune-content', isScreen ? 'screen' : 'default'],
        ]
      : [
          ['cpu-used', speed ?? '8'],
          ['screen-content-mode', isScreen ? '1' : '0'],
        ];
  return [
    ...own,
    ['deadline', 'realtime'],
    ['lag-in-frames', '0'],
    ['static-thresh', '1'],
    ['undershoot-pct', '95'],
    ['max-intra-rate', '600'],
    ['qmin', '4'],
    ['qmax', '56'],
    ...temporalOptions(options),
  ];
}

/**
 * Two layers (0.2 dB): every second frame is predicted from the base alone and nothing from it, so
 * that any of them may be left out. Without error resilience they would share entropy contexts.
 */
function temporalOptions({ temporalLayers, bitrateBps }: VideoEncoderOptions): [string, string][] {
  if (!temporalLayers) return [];
  const total = Math.round(bitrateBps / 1000);
  const rates = `ts_target_bitrate=${Math.round(total * BASE_LAYER_SHARE)},${total}`;
  const pattern = 'ts_rate_decimator=2,1:ts_periodicity=2:ts_layer_id=0,1:ts_layering_mode=2';
  return [
    ['error-resilient', 'default'],
    ['ts-parameters', `ts_number_layers=2:${rates}:${pattern}`],
  ];
}
