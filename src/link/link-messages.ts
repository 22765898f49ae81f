import type { AudioCodec, CompositeCodec, VideoCodec } from '../protocol/codec-names.js';
import type { CustomLayout, LayoutMode, TileFit, TileRole } from '../protocol/layout.js';
import type { OverlaySettings } from '../protocol/overlay-settings.js';
import type { ColourSpace } from '../rtp/colour-space.js';
import type { Rotation } from '../rtp/rotation.js';
import type { HardwareEncoder, Micros, TemporalLayer } from '../util/units.js';
import type { FaultReport } from './fault-stages.js';
import type { LoadStep } from './load-steps.js';
import type { MediaSnapshot } from './media-counters.js';

/**
 * Identifies one source of a room: a participant's camera and microphone, or their shared screen.
 * Never used twice while the room lives.
 */
export type SourceId = number;

export type SourceKind = 'camera' | 'screen';

/** One size and quality that the composite is encoded in. */
export interface Rendition {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Packet headers included. */
  readonly bitrateBps: number;
  /** A slide show for the slowest paths: every frame is a keyframe, sent on time. */
  readonly stills?: boolean;
}

/** An encode of the composite that at least one output receives. */
export interface WatchedVideo {
  readonly codec: CompositeCodec;
  /** Index into the settings' renditions. Higher indices are renditions made for one output alone. */
  readonly rendition: number;
  /** Present if the rendition is made for one output alone. */
  readonly own?: Rendition;
}

/** Limits of what is decoded, in pixels a second. */
export interface PixelRates {
  /** Of one source. */
  readonly source: number;
  /** Of all sources of a room together. */
  readonly room: number;
}

/** How a room's composite and mix are made. */
export interface MixSettings {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Best first. The first one is encoded from the canvas without scaling. */
  readonly renditions: readonly Rendition[];
  /** Hardware encoder for H.264; used if it can be opened. */
  readonly hardware: HardwareEncoder | undefined;
  readonly audioChannels: 1 | 2;
  readonly audioBitrateBps: number;
  /** Bitrate of the mixes for slow paths, in packets of 60 ms. */
  readonly lowAudioBitrateBps: number;
  readonly fit: TileFit;
  /** Names, marks and speaking borders over the tiles. */
  readonly labels: boolean;
  readonly maxSpeakers: number;
  /** Brings all voices to the same loudness. */
  readonly levelling: boolean;
  /** Turns down steady noise of participants who do not speak. */
  readonly noiseGate: boolean;
  /** In a stereo mix each voice comes from the side where its tile is. */
  readonly stereoPlacement: boolean;
  readonly pixelRates: PixelRates;
  /** The composite is reduced while the CPU is short. */
  readonly loadControl: boolean;
  /** Sources that are suspected of a crash are decoded here, one call at a time. */
  readonly probation?: boolean;
}

/** What the compositor and the mixer need to know of one source. */
export interface SourceState {
  readonly id: SourceId;
  /** Source of the participant who owns it: they do not hear it. A camera is its own owner. */
  readonly owner: SourceId;
  readonly kind: SourceKind;
  /** As the maker of the token names the participant. Custom layouts place sources by it. */
  readonly identity: string;
  readonly name: string;
  /** False: it has no tile and is not decoded, because the participant only receives. */
  readonly visible: boolean;
  /** False: the tile shows the placeholder, because the camera is off or not sent. */
  readonly videoOn: boolean;
  readonly audioOn: boolean;
  /** The connection is interrupted. */
  readonly trouble: boolean;
  /** Factor for the audio; 1 leaves it unchanged. */
  readonly gain: number;
  /** Name of the image that the placeholder shows in place of initials. */
  readonly avatar?: string;
}

/** Larger images are scaled down to this, in pixels. */
export interface ImageLimits {
  readonly maxWidth: number;
  readonly maxHeight: number;
}

export interface SanitizedImage {
  /** WebP, in base64. */
  readonly data: string;
  readonly width: number;
  readonly height: number;
}

export interface LayoutState {
  readonly mode: LayoutMode;
  /** Sources that are shown large, in this order. */
  readonly pinned: readonly SourceId[];
  /** For the mode `custom`. */
  readonly custom?: CustomLayout;
}

/** Server to media process. */
export type MediaCommand =
  | { readonly type: 'configure'; readonly settings: MixSettings }
  /** All sources in order of joining; a source that is missing is gone. */
  | { readonly type: 'sources'; readonly sources: readonly SourceState[] }
  | { readonly type: 'arrange'; readonly layout: LayoutState }
  /** All encodes that outputs receive: each gets an encoder, no other has one. */
  | {
      readonly type: 'watch';
      readonly videos: readonly WatchedVideo[];
      readonly audio: boolean;
      /** Sources whose own mix is needed at the low bitrate; 0 is the full mix. */
      readonly lowAudio: readonly SourceId[];
    }
  /** Urgent: an output has no picture. */
  | ({ readonly type: 'keyframe'; readonly urgent: boolean } & WatchedVideo)
  | { readonly type: 'overlays'; readonly overlays: OverlaySettings }
  /** Plays the announcement that the recording begins or ends into all mixes. */
  | {
      readonly type: 'announce';
      readonly text: 'started' | 'stopped';
      readonly how: 'tone' | 'voice';
    }
  /** A sanitized image in base64; without `data` the image is removed. */
  | { readonly type: 'image'; readonly name: string; readonly data?: string }
  /** Answered by `sanitized` or `refused`. Only for a process that does nothing else. */
  | { readonly type: 'sanitize'; readonly data: string; readonly limits: ImageLimits }
  /** Answered by `probed`. */
  | { readonly type: 'probe'; readonly hardware: HardwareEncoder }
  /** At least this many steps of load control are taken. */
  | { readonly type: 'load'; readonly floor: number }
  | { readonly type: 'close' };

/** A tile of the canvas, in pixels. Later tiles lie over earlier ones. */
export interface TilePlace {
  readonly source: SourceId;
  readonly role: TileRole;
  readonly z: number;
  readonly fit: TileFit;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Media process to server. */
export type MediaEvent =
  | { readonly type: 'ready'; readonly encoders: readonly CompositeCodec[] }
  | { readonly type: 'failed'; readonly message: string }
  /** The event loop turns; sent five times a second. */
  | { readonly type: 'alive' }
  /** A decoder has not come back from a call for seconds: only a new process helps. */
  | { readonly type: 'hung'; readonly source: SourceId }
  /** The decoder of this source needs a keyframe. */
  | { readonly type: 'keyframe-needed'; readonly source: SourceId }
  /** The bitstream of this source could not be decoded, or is not supported. */
  | { readonly type: 'corrupt'; readonly source: SourceId; readonly media: 'audio' | 'video' }
  /** Errors about one source, or about the room, were caught; at most once a second for each. */
  | ({ readonly type: 'fault' } & FaultReport)
  /** A source that had errors has had none for two seconds. */
  | { readonly type: 'recovered'; readonly source: SourceId }
  /** All sources of which less is decoded, because they have more pixels than the room can decode. */
  | { readonly type: 'over-budget'; readonly sources: readonly SourceId[] }
  /** The tiles moved. A source that is not in the list has no tile. */
  | {
      readonly type: 'layout';
      readonly tiles: readonly TilePlace[];
      /** Time of the first composite with these tiles. */
      readonly ptsMicros: Micros;
    }
  /** The dominant speaker changed; undefined if they left. */
  | { readonly type: 'dominant'; readonly source: SourceId | undefined }
  | { readonly type: 'sanitized'; readonly image: SanitizedImage }
  | { readonly type: 'refused'; readonly message: string }
  /** Without `fault` the hardware can encode. */
  | { readonly type: 'probed'; readonly fault?: string }
  | { readonly type: 'speaking'; readonly sources: readonly SourceId[] }
  /** The steps by which the composite is reduced changed. */
  | { readonly type: 'load'; readonly steps: readonly LoadStep[] }
  | ({ readonly type: 'stats' } & MediaSnapshot);

/** An encoded video frame on its way to the decoder. */
export interface VideoInFrame {
  readonly kind: 'video-in';
  readonly source: SourceId;
  readonly codec: VideoCodec;
  readonly keyframe: boolean;
  /** Frames before it are missing, and no keyframe comes: it is decoded as well as it can be. */
  readonly damaged?: boolean;
  /** As the sender signals it. What the bitstream says takes precedence. */
  readonly colourSpace: ColourSpace;
  readonly rotation: Rotation;
  /** Arrival of its last packet, on the monotonic clock. */
  readonly arrivalMicros: Micros;
  /** Sender's NTP clock in microseconds; NaN until its first sender report. */
  readonly captureMicros: Micros;
  readonly data: Buffer;
}

/** One packet of audio in order of arrival, which may differ from the order of sending. */
export interface AudioInFrame {
  readonly kind: 'audio-in';
  readonly source: SourceId;
  /** Opus if it is left out. */
  readonly codec?: AudioCodec;
  readonly sequence: number;
  /** At 48 kHz, whatever the codec. */
  readonly timestamp: number;
  /** It came as redundancy with a later packet (RFC 2198). */
  readonly isRepeat: boolean;
  /** The sender marks it as silence (RFC 6464). */
  readonly isSilent: boolean;
  /** On the monotonic clock. */
  readonly arrivalMicros: Micros;
  /** Sender's NTP clock in microseconds; NaN until its first sender report. */
  readonly captureMicros: Micros;
  readonly data: Buffer;
}

/** An encoded frame of the composite. */
export interface VideoOutFrame extends WatchedVideo {
  readonly kind: 'video-out';
  readonly keyframe: boolean;
  /** 0, or 1 for a frame that no other frame refers to. */
  readonly temporalLayer: TemporalLayer;
  /** The tick that the composite was made for, on the monotonic clock. */
  readonly ptsMicros: Micros;
  /** When the encoder gave it, on the same clock. */
  readonly encodedMicros: Micros;
  readonly data: Buffer;
}

/** 20 ms of a mix, or 60 ms at the low bitrate. */
export interface AudioOutFrame {
  readonly kind: 'audio-out';
  readonly low: boolean;
  /** On a frame of 20 ms: a packet of the low bitrate begins with the same sample. */
  readonly lowBegins: boolean;
  /** The source that this mix leaves out; 0 is the mix of everybody. */
  readonly source: SourceId;
  /** Time of its first sample, on the monotonic clock. */
  readonly ptsMicros: Micros;
  /** True on the last frame of its tick. */
  readonly last: boolean;
  readonly data: Buffer;
}

export type MediaFrame = VideoInFrame | AudioInFrame | VideoOutFrame | AudioOutFrame;
