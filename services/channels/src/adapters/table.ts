/** The adapters that there are, by channel type. Each is loaded when an instance of its type first needs it. */
import type { ChannelAdapter, ChannelType } from './adapter.ts'

export type AdapterTable = Readonly<Partial<Record<ChannelType, () => Promise<ChannelAdapter>>>>

/** An adapter is added here: `telegram: async () => (await import('./telegram/adapter.ts')).telegram`. */
export const adapterTable: AdapterTable = {}

export interface Adapters {
  /** Of which types there are any. */
  readonly types: readonly ChannelType[]
  /** Undefined where there is none of the type. A failed load is tried again at the next call. */
  readonly find: (type: ChannelType) => Promise<ChannelAdapter | undefined>
}

export const createAdapters = (table: AdapterTable): Adapters => {
  const loaded = new Map<ChannelType, Promise<ChannelAdapter>>()
  return {
    types: Object.keys(table) as ChannelType[],
    find: async (type) => {
      const load = table[type]
      if (load === undefined) return undefined
      const known = loaded.get(type)
      if (known !== undefined) return known
      const loading = load()
      loaded.set(type, loading)
      loading.catch(() => loaded.delete(type))
      return loading
    },
  }
}
