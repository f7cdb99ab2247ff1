/** Where the files of an installation are kept. */
import type { Part } from '@clawmesh/chassis'
import { openBucket } from './bucket.ts'
import { createLocalStore } from './local-store.ts'
import { createObjectStore } from './object-store.ts'
import type { FileStore } from './store.ts'

export interface StoreSettings {
  s3Bucket: string
  s3Endpoint: string
  s3Region: string
  s3AccessKeyId: string
  s3SecretAccessKey: string
  s3SessionToken: string
  s3PathStyle: boolean
  s3Prefix: string
}

export interface ChosenStore {
  store: FileStore
  /** Whether commands find the files on a disk of this machine. */
  isOnDisk: boolean
  parts: Part[]
}

export const chooseStore = (settings: StoreSettings): ChosenStore => {
  if (settings.s3Bucket === '') return { store: createLocalStore(), isOnDisk: true, parts: [] }
  const bucket = openBucket({
    name: settings.s3Bucket,
    endpoint: settings.s3Endpoint || `https://s3.${settings.s3Region}.amazonaws.com`,
    region: settings.s3Region,
    accessKeyId: settings.s3AccessKeyId,
    secretAccessKey: settings.s3SecretAccessKey,
    sessionToken: settings.s3SessionToken,
    pathStyle: settings.s3PathStyle,
    prefix: settings.s3Prefix,
  })
  /** A wrong key or a bucket that is not there is told when the process starts, not when somebody writes a file. */
  const start = async (): Promise<void> => {
    for await (const _ of bucket.under('', 1)) return
  }
  return { store: createObjectStore(bucket), isOnDisk: false, parts: [{ name: 'object storage', start }] }
}
