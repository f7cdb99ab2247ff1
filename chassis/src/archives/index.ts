/** Archives (tar.gz) as they come and as they are made: bounded everywhere, and never held in memory. */
export * from './answer.ts'
export { limits as archiveLimits, refused as refusedArchive } from './limits.ts'
export * from './pack.ts'
export * from './paths.ts'
export * from './spool.ts'
export * from './unpack.ts'
