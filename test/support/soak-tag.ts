/** The tag of long forms; `soak.ts` makes tests that have it. */
export const SOAK_TAG = {
  name: 'soak',
  description: 'Long forms, which `./scripts/test soak` runs.',
  timeout: 30 * 60_000,
};
