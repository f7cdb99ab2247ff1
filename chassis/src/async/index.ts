export * from './batcher.ts'
export * from './keyed-mutex.ts'
export * from './semaphore.ts'
export * from './single-flight.ts'
