type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The fields that are given. */
export const present = <T extends object>(fields: T): Present<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>
