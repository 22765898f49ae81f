/** What one kind of live output is: one object of this type, in a file of its own in this folder. */
import type { Resolve } from '../public-address.js';

export interface LiveKindDefinition {
  /** How a request names it, for the API's description. */
  readonly example: string;
  /** Whether a request's `url` is for this kind. */
  accepts(url: string): boolean;
  /**
   * Checks a request's `url` and everything it names.
   * @throws TesseraError `bad_destination`, `destination_forbidden`, `unreachable`.
   */
  check(url: string, context: LiveKindContext): Promise<LiveTarget>;
}

export interface LiveKindContext {
  /** Id of the output. */
  readonly id: string;
  /** Folder for files that players read; only kinds that have files create it. */
  readonly folder: string;
  /** Distance of keyframes, in milliseconds. */
  readonly keyframeMs: number;
  /** Private, loopback and link-local addresses are taken. */
  readonly allowPrivate: boolean;
  /** Looks a name up; undefined asks the system. */
  readonly resolve?: Resolve;
}

/** A destination that was checked. */
export interface LiveTarget {
  /** For people: without keys and passwords. For players: the path to play. */
  readonly shown: string;
  /** Files that players read. The folder exists while it is live, and for a while after. */
  readonly files?: { readonly folder: string; readonly lingerMs: number };
  /**
   * Opens what one connection needs. The stream's owner closes it.
   * @param onFault hears why the destination went away.
   */
  connect(onFault: (message: string) => void): Promise<StreamTarget>;
}

/** What the egress process writes to. */
export interface StreamTarget {
  /** For FFmpeg; names no host that a user gave. */
  readonly url: string;
  /** FFmpeg's name of the muxer. */
  readonly muxer: string;
  /** FFmpeg's options of the muxer. */
  readonly options: Readonly<Record<string, string>>;
  close?(): void;
}
