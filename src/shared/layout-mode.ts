export const LAYOUT_MODES = ['grid', 'speaker', 'spotlight', 'pip'] as const;

/**
 * `grid`: everybody alike. `speaker`: who leads the talk large, the others in a strip. `spotlight`:
 * the pinned ones, or who leads, alone. `pip`: the same, and one more in a corner of the picture.
 */
export type LayoutMode = (typeof LAYOUT_MODES)[number];
