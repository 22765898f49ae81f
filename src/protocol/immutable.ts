/** A JSON type whose properties and arrays cannot be changed, at any depth. */
export type Immutable<T> = T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> } : T;
