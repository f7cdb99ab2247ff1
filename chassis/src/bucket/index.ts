/** Object storage (docs/adr/0046). Apart from the rest, as few services have any. */
export * from './bucket.ts'
export { longestKey, spelled } from './keys.ts'
export { bucketSettings, configuredBucket, type BucketConfig } from './settings.ts'
export { eachWithin } from './within.ts'
