/**
 * The outputs of one room with what they demand, and for each encode the outputs that receive it.
 * The lists are replaced, never changed: a loop over one is safe while outputs come and go.
 */
import type { VideoOutFrame } from '../link/link-messages.js';
import type { MediaOutput, OutputDemand } from './media-output.js';
import { encodeKey } from './watch-set.js';

export interface OutputRoute {
  readonly output: MediaOutput;
  /** As the output last reported it. */
  demand: OutputDemand;
}

const NONE: readonly OutputRoute[] = [];

export class OutputRoutes {
  /** Outputs that receive a mix. */
  hearing: readonly OutputRoute[] = NONE;
  /** Outputs that take the frames of sources. */
  takingSources: readonly OutputRoute[] = NONE;
  private readonly routes = new Map<MediaOutput, OutputRoute>();
  private byEncode = new Map<string, OutputRoute[]>();

  get demands(): OutputDemand[] {
    return [...this.routes.values()].map(({ demand }) => demand);
  }

  add(output: MediaOutput): void {
    this.routes.set(output, { output, demand: output.demand });
    this.rebuild();
  }

  /** @returns false if it was not there. */
  remove(output: MediaOutput): boolean {
    const wasThere = this.routes.delete(output);
    if (wasThere) this.rebuild();
    return wasThere;
  }

  /** Reads the output's demand again. @returns false if it is not there. */
  update(output: MediaOutput): boolean {
    const route = this.routes.get(output);
    if (!route) return false;
    route.demand = output.demand;
    this.rebuild();
    return true;
  }

  /** Outputs that demand the encode of this frame. */
  receivers({ codec, rendition }: VideoOutFrame): readonly OutputRoute[] {
    return this.byEncode.get(encodeKey(codec, rendition)) ?? NONE;
  }

  /** The largest picture that an output has made for itself alone; 0 if there is none. */
  get ownWidth(): number {
    const videos = this.demands.flatMap((demand) => demand.videos);
    return Math.max(0, ...videos.map(({ own }) => own?.width ?? 0));
  }

  private rebuild(): void {
    const all = [...this.routes.values()];
    this.hearing = all.filter(({ demand }) => demand.audio);
    this.takingSources = all.filter(({ demand }) => demand.sources);
    this.byEncode = new Map();
    for (const route of all) {
      for (const { codec, rendition } of route.demand.videos) {
        const key = encodeKey(codec, rendition);
        const receivers = this.byEncode.get(key);
        if (receivers) receivers.push(route);
        else this.byEncode.set(key, [route]);
      }
    }
  }
}
