export { embeddings } from './embeddings.ts'
export { providers } from './providers.ts'
export { providerRuntime } from './runtime.ts'
export { providerTrials } from './trials.ts'
