/** Everything that one scrape of `/metrics` reads. */
import type { EventLoopSnapshot } from '../resources/event-loop-monitor.js';
import type { ResourceSnapshot } from '../resources/resource-monitor.js';
import type { AdmissionStats } from '../rooms/admission.js';
import type { RegistrySnapshot } from '../rooms/registry.js';
import type { Micros } from '../util/units.js';

export interface MetricsSnapshot extends RegistrySnapshot {
  readonly load: AdmissionStats;
  /** The egress processes: CPU time since the server began, memory now. */
  readonly egress: { readonly cpuMicros: Micros; readonly rssBytes: number };
  readonly eventLoop: EventLoopSnapshot;
  readonly resources: ResourceSnapshot;
  /** Records that could not be written to `data.dir`. */
  readonly recordsNotKept: number;
}

export type MeasuredRoom = MetricsSnapshot['rooms'][number];
