/**
 * Test files whose tests may be tried more often than their lane says, with the reason. A test that
 * passes on a later try is listed as flaky at the end of the run.
 */
export interface Retry {
  /** Further tries after the first. */
  readonly times: number;
  readonly reason: string;
}

export const RETRIES: Readonly<Record<string, Retry>> = {
  'e2e/network.test.ts': {
    times: 2,
    reason: 'Packets are lost at random, and libwebrtc times its repairs by itself.',
  },
};
