export { embeddings } from './embeddings.ts'
export { providers } from './providers.ts'
export { providerTrials } from './trials.ts'
