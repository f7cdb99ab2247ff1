/** Where the files of an installation are kept. */
import type { Part } from '@clawmesh/chassis'
import { configuredBucket, type BucketConfig } from '@clawmesh/chassis/bucket'
import { createLocalStore } from './local-store.ts'
import { createObjectStore } from './object-store.ts'
import type { FileStore } from './store.ts'

export interface ChosenStore {
  store: FileStore
  /** Whether commands find the files on a disk of this machine. */
  isOnDisk: boolean
  parts: Part[]
}

export const chooseStore = (settings: BucketConfig): ChosenStore => {
  const bucket = configuredBucket(settings)
  if (bucket === undefined) return { store: createLocalStore(), isOnDisk: true, parts: [] }
  /** A wrong key or a bucket that is not there is told when the process starts, not when somebody writes a file. */
  const start = async (): Promise<void> => {
    for await (const _ of bucket.under('', 1)) return
  }
  return { store: createObjectStore(bucket), isOnDisk: false, parts: [{ name: 'object storage', start }] }
}
