/**
 * A function whose result for an object is kept as long as the object is, for what is asked of the same one again and again.
 * The object must not change.
 */
export const perObject = <K extends object, V extends object | string>(make: (key: K) => V): ((key: K) => V) => {
  const known = new WeakMap<K, V>()
  return (key) => {
    const found = known.get(key)
    if (found !== undefined) return found
    const made = make(key)
    known.set(key, made)
    return made
  }
}
