import type { CompositeCodec, VideoCodec } from '../protocol/codec-names.js';
import type { CustomLayout, LayoutMode, TileFit, TileRole } from '../protocol/layout.js';
import type { OverlaySettings } from '../protocol/overlay-settings.js';
import type { ColourSpace } from '../rtp/colour-space.js';
import type { Rotation } from '../rtp/rotation.js';
import type { HardwareEncoder, Micros, TemporalLayer } from '../util/units.js';
import type { LoadStep } from './load-steps.js';
import type { MediaSnapshot } from './media-counters.js';

/**
 * Identifies what one participant sends together, themselves or their screen, inside one media
 * process; never used again in the room's life.
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
  /** A slide show for the least of links: each frame stands for itself, and comes on time. */
  readonly stills?: boolean;
}

/** An encode of the composite that somebody watches. */
export interface WatchedVideo {
  readonly codec: CompositeCodec;
  /** Index into the settings' renditions; beyond them, of those that are made for somebody. */
  readonly rendition: number;
  /** Of one that is made for somebody: what it is. */
  readonly own?: Rendition;
}

/** How a room's picture and sound are made; the whole of it, sent again when any of it changes. */
export interface MixSettings {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Best first; the first is encoded from the canvas as it is. */
  readonly renditions: readonly Rendition[];
  /** Encodes H.264 where it can be opened. */
  readonly hardware: HardwareEncoder | undefined;
  readonly audioChannels: 1 | 2;
  readonly audioBitrateBps: number;
  /** Of the mixes for links that take little: 60 ms a packet. */
  readonly lowAudioBitrateBps: number;
  readonly fit: TileFit;
  /** Names, marks and speaking borders over the tiles. */
  readonly labels: boolean;
  readonly maxSpeakers: number;
  /** Brings voices to one loudness. */
  readonly levelling: boolean;
  /** Steady noise of those who say nothing is turned down. */
  readonly noiseGate: boolean;
  /** Voices are heard from where their tiles are; of a stereo mix. */
  readonly stereoPlacement: boolean;
  /** The picture gives way when the machine has too little for it. */
  readonly loadControl: boolean;
}

/** What the compositor and the mixer need to know of a participant, or of a screen while it is shared. */
export interface SourceState {
  readonly id: SourceId;
  /** Whose screen this is, who does not hear its sound; of a participant their own id. */
  readonly owner: SourceId;
  readonly kind: SourceKind;
  /** To makers of tokens; places of a custom layout are kept by it. */
  readonly identity: string;
  readonly name: string;
  /** False for receive-only participants: no tile, nothing decoded. */
  readonly visible: boolean;
  /** False while the camera is off or none is sent: the tile shows the placeholder. */
  readonly videoOn: boolean;
  readonly audioOn: boolean;
  /** Nothing has come from them for a while. */
  readonly trouble: boolean;
  /** What their sound is multiplied by; 1 leaves it as it is. */
  readonly gain: number;
  /** Name of an image in place of initials. */
  readonly avatar?: string;
}

/** How large an image may stay, in pixels. */
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
  /** Shown large, the first of them where there is one place. */
  readonly pinned: readonly SourceId[];
  /** Of the mode `custom`. */
  readonly custom?: CustomLayout;
}

/** Server to media process. */
export type MediaCommand =
  | { readonly type: 'configure'; readonly settings: MixSettings }
  /** All participants in order of joining, and their screens; those missing from the list are gone. */
  | { readonly type: 'sources'; readonly sources: readonly SourceState[] }
  | { readonly type: 'arrange'; readonly layout: LayoutState }
  /** What somebody is watching; one encoder each, none for the others. */
  | {
      readonly type: 'watch';
      readonly videos: readonly WatchedVideo[];
      readonly audio: boolean;
      /** Those who get the sound at the low bitrate. */
      readonly lowAudio: readonly SourceId[];
    }
  /** Urgent: somebody has no picture yet. */
  | ({ readonly type: 'keyframe'; readonly urgent: boolean } & WatchedVideo)
  | { readonly type: 'overlays'; readonly overlays: OverlaySettings }
  /** Everybody hears that the recording begins or ends. */
  | {
      readonly type: 'announce';
      readonly text: 'started' | 'stopped';
      readonly how: 'tone' | 'voice';
    }
  /** An image that was made harmless, in base64; without it it is forgotten. */
  | { readonly type: 'image'; readonly name: string; readonly data?: string }
  /** Asks for `sanitized` or `refused`; of a process that does nothing else. */
  | { readonly type: 'sanitize'; readonly data: string; readonly limits: ImageLimits }
  /** Asks for `probed`. */
  | { readonly type: 'probe'; readonly hardware: HardwareEncoder }
  /** So many steps of load control at least. */
  | { readonly type: 'load'; readonly floor: number }
  | { readonly type: 'close' };

/** A tile of the canvas, in pixels; later ones lie over earlier ones. */
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
  /** A decoder cannot go on without a keyframe from this source. */
  | { readonly type: 'keyframe-needed'; readonly source: SourceId }
  /** The source's bitstream could not be decoded, or is of a kind that is not. */
  | { readonly type: 'corrupt'; readonly source: SourceId; readonly media: 'audio' | 'video' }
  /** The tiles are elsewhere than before; a source that is not named has none. */
  | {
      readonly type: 'layout';
      readonly tiles: readonly TilePlace[];
      /** Of the first picture that is like this. */
      readonly ptsMicros: Micros;
    }
  /** Who leads the talk. */
  | { readonly type: 'dominant'; readonly source: SourceId | undefined }
  | { readonly type: 'sanitized'; readonly image: SanitizedImage }
  | { readonly type: 'refused'; readonly message: string }
  /** Without a fault the hardware encodes. */
  | { readonly type: 'probed'; readonly fault?: string }
  | { readonly type: 'speaking'; readonly sources: readonly SourceId[] }
  /** The picture gives way more or less than before. */
  | { readonly type: 'load'; readonly steps: readonly LoadStep[] }
  | ({ readonly type: 'stats' } & MediaSnapshot);

/** An encoded video frame on its way to the decoder. */
export interface VideoInFrame {
  readonly kind: 'video-in';
  readonly source: SourceId;
  readonly codec: VideoCodec;
  readonly keyframe: boolean;
  /** What a bitstream itself says counts more. */
  readonly colourSpace: ColourSpace;
  readonly rotation: Rotation;
  /** Monotonic time of arrival, of its last packet. */
  readonly arrivalMicros: Micros;
  /** Sender's NTP clock in microseconds; NaN until its first sender report. */
  readonly captureMicros: Micros;
  readonly data: Buffer;
}

/** One Opus packet as it arrived, in whatever order. */
export interface AudioInFrame {
  readonly kind: 'audio-in';
  readonly source: SourceId;
  readonly sequence: number;
  readonly timestamp: number;
  /** Came as redundancy with a later packet (RFC 2198). */
  readonly isRepeat: boolean;
  /** The sender says that there is nothing in it (RFC 6464). */
  readonly isSilent: boolean;
  /** Monotonic time of arrival. */
  readonly arrivalMicros: Micros;
  /** Sender's NTP clock in microseconds; NaN until its first sender report. */
  readonly captureMicros: Micros;
  readonly data: Buffer;
}

/** An encoded frame of the composite. */
export interface VideoOutFrame extends WatchedVideo {
  readonly kind: 'video-out';
  readonly keyframe: boolean;
  /** 0, or 1 of those that no other frame needs. */
  readonly temporalLayer: TemporalLayer;
  /** The tick that the picture was composed for, on the monotonic clock. */
  readonly ptsMicros: Micros;
  /** When it was ready, on the same clock. */
  readonly encodedMicros: Micros;
  readonly data: Buffer;
}

/** 20 ms of a mix, or 60 ms at the low bitrate. */
export interface AudioOutFrame {
  readonly kind: 'audio-out';
  readonly low: boolean;
  /** On a frame of 20 ms: one of the low bitrate begins with the same sample. */
  readonly lowBegins: boolean;
  /** Whose own mix (everybody but them) this is; 0 is the mix of everybody. */
  readonly source: SourceId;
  /** Of its first sample. */
  readonly ptsMicros: Micros;
  /** True on the last frame of its tick. */
  readonly last: boolean;
  readonly data: Buffer;
}

export type MediaFrame = VideoInFrame | AudioInFrame | VideoOutFrame | AudioOutFrame;
